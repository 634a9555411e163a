// From the TUN to the port.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "seal.h"
#include "workers.h"

namespace kith {
namespace {

constexpr size_t kLongestPacket = 65536;
constexpr size_t kArena = 512 * 1024;
// Sealed bytes after which a batch leaves although more packets wait: latency, and what the caches hold.
constexpr size_t kFlushAt = 128 * 1024;
// A read may fail for the sake of one packet, which the kernel has dropped then. A device of which so many in a row fail
// is none.
constexpr int kMostFailures = 1000;

}  // namespace

class Workers::Outbound {
 public:
  explicit Outbound(Workers* workers) : workers_(*workers), batch_(&workers->port_), arena_(new uint8_t[kHeadroom + kArena]) {}

  void Run() {
    pollfd polled[2] = {{workers_.wake_out_, POLLIN, 0}, {workers_.init_.tun, POLLIN, 0}};
    while (!workers_.ended()) {
      if (poll(polled, 2, -1) < 0 && errno != EINTR) return;
      if (polled[1].revents == 0 || workers_.ended()) continue;
      if (!Drain()) {
        // The interface was removed under us.
        polled[1].fd = -1;
        workers_.sink_->Report(Event(EventKind::kTunLost, workers_.Now()));
      }
    }
  }

 private:
  // Takes all packets that wait. False where no more will ever come.
  bool Drain() {
    const double now = workers_.Now();
    bool alive = true;
    for (;;) {
      const ssize_t n = read(workers_.init_.tun, packet_, sizeof packet_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EINVAL || errno == ENOMEM || errno == ENOBUFS) && ++failures_ < kMostFailures) {
        workers_.core_->CountMalformed();
        continue;
      }
      if (n <= 0) {
        alive = n < 0 && errno == EAGAIN;
        break;
      }
      failures_ = 0;
      Take(static_cast<size_t>(n), now);
      if (at_ >= kFlushAt) break;
    }
    Flush();
    return alive;
  }

  void Take(size_t size, double now) {
    VnetHeader header;
    Segments segments;
    memcpy(&header, packet_, sizeof header);
    if (size < sizeof header || !segments.Parse(header, packet_ + sizeof header, size - sizeof header)) {
      workers_.core_->CountMalformed();
      return;
    }
    Ticket ticket;
    if (!workers_.core_->Route(segments, now, &ticket)) return;
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

  void Flush() {
    batch_.Flush();
    at_ = 0;
  }

  Workers& workers_;
  DatagramBatch batch_;
  std::unique_ptr<uint8_t[]> arena_;
  size_t at_ = 0;
  int failures_ = 0;
  uint8_t packet_[sizeof(VnetHeader) + kLongestPacket];
};

void* Workers::RunOutbound(void* self) {
  std::make_unique<Outbound>(static_cast<Workers*>(self))->Run();
  return nullptr;
}

}  // namespace kith
