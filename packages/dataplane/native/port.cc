#include "port.h"

#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace kith {
namespace {

// wireguard-go's figure.
constexpr int kSocketBuffer = 7 * 1024 * 1024;
// Flushes after which a train that was refused is tried again.
constexpr uint64_t kRefusedFor = 100'000;

// Past the system's limit where the process may (CAP_NET_ADMIN), else up to it.
void Enlarge(int fd, int forced, int plain) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kSocketBuffer, sizeof kSocketBuffer) == 0) return;
  setsockopt(fd, SOL_SOCKET, plain, &kSocketBuffer, sizeof kSocketBuffer);
}

union SegmentControl {
  cmsghdr header;
  char space[CMSG_SPACE(sizeof(uint16_t))];
};

// What a message points to, side by side: a single datagram touches little memory.
struct Outgoing {
  sockaddr_storage address;
  iovec piece;
  SegmentControl control;
};

}  // namespace

int OpenUdp(int family, uint16_t port, bool loopback, bool gro, uint16_t* bound, int* buffer) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  Endpoint local;
  local.length = family == AF_INET6 ? Endpoint::kMaxBytes : 6;
  if (loopback) {
    if (family == AF_INET6) local.bytes[15] = 1;
    else local.bytes[0] = 127, local.bytes[3] = 1;
  }
  local.bytes[local.length - 2] = static_cast<uint8_t>(port >> 8);
  local.bytes[local.length - 1] = static_cast<uint8_t>(port);
  sockaddr_storage address;
  socklen_t length = local.To(&address);
  if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  Endpoint own;
  Endpoint::From(address, &own);
  *bound = static_cast<uint16_t>(own.bytes[own.length - 2] << 8 | own.bytes[own.length - 1]);
  Enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  Enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  socklen_t size = sizeof *buffer;
  // The kernel doubles what is asked for, to pay for its own headers.
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, buffer, &size) == 0) *buffer /= 2;
  if (gro) setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  const timeval patience{0, 50'000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return fd;
}

void Port::SendNow(const uint8_t* bytes, size_t length, const Endpoint& to) {
  const int fd = SocketFor(to);
  sockaddr_storage address;
  const socklen_t size = to.To(&address);
  ssize_t n = -1;
  if (fd >= 0) {
    do {
      n = sendto(fd, bytes, length, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), size);
    } while (n < 0 && errno == EINTR);
  }
  if (n < 0) send_errors.fetch_add(1, std::memory_order_relaxed);
}

void DatagramBatch::Add(uint8_t* bytes, size_t length, const Endpoint& to) {
  if (used_ > 0) {
    Run& last = runs_[used_ - 1];
    if (!last.closed && last.bytes + last.total == bytes && length <= last.segment && last.count < kMostSegments &&
        last.total + length <= kLongestRun && last.to == to) {
      last.total += length;
      last.count++;
      last.closed = length < last.segment;
      return;
    }
  }
  if (used_ == kRuns) Flush();
  runs_[used_++] = Run{bytes, length, length, 1, false, to};
}

bool DatagramBatch::UsesGso(const Run& run) const {
  if (run.count == 1 || !port_->gso) return false;
  for (size_t i = 0; i < refusals_used_; i++) {
    const Refusal& refusal = refusals_[i];
    if (run.segment >= refusal.segment && flushes_ < refusal.until && refusal.to == run.to) return false;
  }
  return true;
}

void DatagramBatch::Remember(const Endpoint& to, size_t segment) {
  Refusal* const end = refusals_ + refusals_used_;
  Refusal* refusal = std::find_if(refusals_, end, [&to](const Refusal& each) { return each.to == to; });
  if (refusal == end) {
    if (refusals_used_ < kRefusals) refusals_used_++;
    else refusal = &refusals_[next_refusal_++ % kRefusals];
    *refusal = Refusal{to, segment, 0};
  }
  refusal->segment = flushes_ < refusal->until ? std::min(refusal->segment, segment) : segment;
  refusal->until = flushes_ + kRefusedFor;
}

void DatagramBatch::Lose(const Run* runs, size_t count) {
  for (size_t i = 0; i < count; i++) port_->send_errors.fetch_add(runs[i].count, std::memory_order_relaxed);
}

void DatagramBatch::Flush() {
  flushes_++;
  stuck_ = false;
  for (size_t i = 0; i < used_;) {
    if (runs_[i].count > 1 && !UsesGso(runs_[i])) {
      SendSingly(runs_[i++]);
      continue;
    }
    size_t end = i + 1;
    while (end < used_ && runs_[end].to.v6() == runs_[i].to.v6() && (runs_[end].count == 1 || UsesGso(runs_[end]))) end++;
    SendRuns(runs_ + i, end - i);
    i = end;
  }
  used_ = 0;
}

// Sends runs of one family, each as one message.
void DatagramBatch::SendRuns(Run* runs, size_t count) {
  mmsghdr messages[kRuns];
  Outgoing outgoing[kRuns];
  const int fd = port_->SocketFor(runs[0].to);
  if (fd < 0 || stuck_) return Lose(runs, count);
  for (size_t i = 0; i < count; i++) {
    msghdr& message = messages[i].msg_hdr;
    Outgoing& out = outgoing[i];
    message = msghdr{};
    message.msg_name = &out.address;
    message.msg_namelen = runs[i].to.To(&out.address);
    out.piece = {runs[i].bytes, runs[i].total};
    message.msg_iov = &out.piece;
    message.msg_iovlen = 1;
    if (runs[i].count == 1) continue;
    message.msg_control = &out.control;
    message.msg_controllen = sizeof out.control.space;
    cmsghdr* control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const uint16_t segment = static_cast<uint16_t>(runs[i].segment);
    memcpy(CMSG_DATA(control), &segment, sizeof segment);
  }
  for (size_t done = 0; done < count;) {
    const int n = sendmmsg(fd, messages + done, static_cast<unsigned>(count - done), 0);
    if (n > 0) {
      done += static_cast<size_t>(n);
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (error == EAGAIN) {
      // One more wait for every run would keep the thread from its clock and from its end.
      stuck_ = true;
      return Lose(runs + done, count - done);
    }
    const Run& run = runs[done++];
    if (run.count > 1 && (error == EIO || error == EINVAL || error == EMSGSIZE)) {
      // A device that says EIO cuts nothing, however short.
      Remember(run.to, error == EIO ? 0 : run.segment);
      SendSingly(run);
    } else {
      Lose(&run, 1);
    }
  }
}

void DatagramBatch::SendSingly(const Run& run) {
  for (size_t at = 0; at < run.total;) {
    Run singles[kRuns];
    size_t count = 0;
    for (; at < run.total && count < kRuns; at += run.segment) {
      const size_t length = std::min(run.segment, run.total - at);
      singles[count++] = Run{run.bytes + at, length, length, 1, true, run.to};
    }
    SendRuns(singles, count);
  }
}

}  // namespace kith
