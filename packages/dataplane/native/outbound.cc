#include "outbound.h"

#include <unistd.h>

#include <cerrno>

#include "seal.h"

namespace kith {
namespace {

constexpr size_t kArena = 512 * 1024;
// Sealed bytes after which a batch leaves although more packets wait: latency, and what the caches hold.
constexpr size_t kFlushAt = 128 * 1024;
// A read may fail for the sake of one packet, which the kernel has dropped then. A device of which so many in a row fail
// is none.
constexpr int kMostFailures = 1000;
// Milliseconds after which a packet comes alone, most likely.
constexpr double kLoneAfter = 1;

}  // namespace

Outbound::Outbound(Core* core, Port* port, int tun)
    : core_(core), tun_(tun), batch_(port), arena_(new uint8_t[kHeadroom + kArena]) {}

Outbound::Taken Outbound::Drain(double now, bool little) {
  Taken taken{true, 0, 0};
  const bool lone = little && now - taken_at_ > kLoneAfter;
  if (tun_ < 0) return taken;
  while (at_ < kFlushAt) {
    const ssize_t n = read(tun_, packet_, sizeof packet_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EINVAL || errno == ENOMEM || errno == ENOBUFS) && ++failures_ < kMostFailures) {
      core_->CountMalformed();
      continue;
    }
    if (n <= 0) {
      taken.alive = n < 0 && errno == EAGAIN;
      break;
    }
    failures_ = 0;
    taken.bytes += static_cast<size_t>(n);
    taken.packets++;
    taken_at_ = now;
    Take(static_cast<size_t>(n), now, lone);
    if (lone) break;
  }
  Flush();
  return taken;
}

void Outbound::Take(size_t size, double now, bool lone) {
  VnetHeader header;
  Segments segments;
  memcpy(&header, packet_, sizeof header);
  if (size < sizeof header || !segments.Parse(header, packet_ + sizeof header, size - sizeof header)) {
    core_->CountMalformed();
    return;
  }
  Ticket ticket;
  if (!core_->Route(segments, now, &ticket)) return;
  // AES-256-GCM is faster once its code is in the caches; what comes after a pause is sealed, and opened, sooner without.
  ticket.lone = lone && segments.count() == 1;
  if (ticket.lone) ticket.cipher = Cipher::kChaCha;
  for (size_t i = 0; i < segments.count(); i++) {
    const size_t length = SealedLength(ticket, segments, i);
    if (at_ + length > kArena) Flush();
    uint8_t* const datagram = arena_.get() + kHeadroom + at_;
    SealSegment(ticket, segments, i, datagram);
    batch_.Add(datagram, length, ticket.way.endpoint);
    at_ += length;
  }
  ticket.session->Release();
}

void Outbound::Flush() {
  batch_.Flush();
  at_ = 0;
}

}  // namespace kith
