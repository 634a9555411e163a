#include "faults.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "segment.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace kith {

Faults faults;

void Faults::Clear() {
  for (std::atomic<int>* each : {&train_port, &train_from, &train_error, &send_port, &send_error, &super_error,
                                 &write_error, &read_every, &read_error}) {
    each->store(0);
  }
  for (auto& each : trains) each.store(0);
  refused.store(0);
}

namespace {

int PortOf(const msghdr& message) { return ntohs(static_cast<const sockaddr_in*>(message.msg_name)->sin_port); }

// Length of the datagrams of a train; 0 for a lone one.
int SegmentOf(msghdr* message) {
  const cmsghdr* control = message->msg_controllen == 0 ? nullptr : CMSG_FIRSTHDR(message);
  if (control == nullptr || control->cmsg_type != UDP_SEGMENT) return 0;
  uint16_t segment;
  memcpy(&segment, CMSG_DATA(control), sizeof segment);
  return segment;
}

int FaultOf(msghdr* message) {
  const int port = PortOf(*message);
  if (faults.send_error != 0 && (faults.send_port == port || faults.send_port == -1)) return faults.send_error;
  const int segment = SegmentOf(message);
  const bool meant = faults.train_port == port || faults.train_port == -1;
  return segment > 0 && meant && segment >= faults.train_from ? faults.train_error.load() : 0;
}

int Fail(int error) {
  faults.refused++;
  errno = error;
  return -1;
}

}  // namespace

extern "C" {
int __real_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags);
ssize_t __real_writev(int fd, const iovec* pieces, int count);
ssize_t __real_read(int fd, void* bytes, size_t size);

// As the kernel does it: what stands before the refused message leaves, the next call has the error.
int __wrap_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  unsigned fine = 0;
  while (fine < count && FaultOf(&messages[fine].msg_hdr) == 0) fine++;
  if (fine == 0) return Fail(FaultOf(&messages[0].msg_hdr));
  const int sent = __real_sendmmsg(fd, messages, fine, flags);
  for (int i = 0; i < sent; i++) {
    if (SegmentOf(&messages[i].msg_hdr) > 0) faults.trains[PortOf(messages[i].msg_hdr)]++;
  }
  return sent;
}

ssize_t __wrap_writev(int fd, const iovec* pieces, int count) {
  VnetHeader header;
  memcpy(&header, pieces[0].iov_base, sizeof header);
  if (faults.write_error != 0) return Fail(faults.write_error);
  if (faults.super_error != 0 && header.gso_type != kGsoNone) return Fail(faults.super_error);
  return __real_writev(fd, pieces, count);
}

ssize_t __wrap_read(int fd, void* bytes, size_t size) {
  static thread_local int reads = 0;
  const ssize_t n = __real_read(fd, bytes, size);
  // An eventfd reads eight bytes.
  if (n <= 8 || faults.read_every == 0 || ++reads % faults.read_every != 0) return n;
  return Fail(faults.read_error);
}
}

}  // namespace kith
