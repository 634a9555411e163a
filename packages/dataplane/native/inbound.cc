// From the port to the TUN, and to other members. Keeps the plane's time as well.
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <memory>

#include "workers.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace kith {
namespace {

// Messages taken in one call, each with up to 64 KiB of datagrams.
constexpr size_t kMessages = 8;
constexpr size_t kLongest = 65536;
constexpr size_t kSlot = kHeadroom + kLongest;
// Datagrams that the core takes at once.
constexpr size_t kBatch = 512;
constexpr size_t kPlaintexts = kMessages * kLongest + kBatch * kHeadroom;

union GroControl {
  cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

// Length of the datagrams in a message; 0 where it is only one.
size_t SegmentOf(msghdr* message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(message); control != nullptr; control = CMSG_NXTHDR(message, control)) {
    if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != UDP_GRO) continue;
    int segment = 0;
    memcpy(&segment, CMSG_DATA(control), sizeof segment);
    return segment > 0 ? static_cast<size_t>(segment) : 0;
  }
  return 0;
}

}  // namespace

class Workers::Inbound final : ReceiveSink, PacketWriter {
 public:
  explicit Inbound(Workers* workers)
      : workers_(*workers), coalescer_(this), forwards_(&workers->port_), slots_(new uint8_t[kMessages * kSlot]), plaintexts_(new uint8_t[kPlaintexts]) {
    coalescer_.set_tcp(workers->init_.offloads);
    coalescer_.set_udp(workers->init_.offloads && workers->init_.uso);
    for (size_t i = 0; i < kMessages; i++) Prepare(i);
  }

  void Run() {
    for (const int fd : {workers_.wake_in_, workers_.port_.v4, workers_.port_.v6}) Watch(fd, true);
    int tun = -1;
    while (!workers_.ended()) {
      const int before = tun;
      tun = workers_.HasTun() ? workers_.tun() : -1;
      if (before != tun) {
        Watch(before >= 0 ? before : tun, before < 0);
        // Without the TUN there is much to do.
        AskForShortSlices(tun < 0);
      }
      epoll_event events[4];
      const int n = epoll_wait(workers_.events_, events, 4, Timeout());
      if (n < 0 && errno != EINTR) return;
      bool received = false;
      bool readable = false;
      for (int i = 0; i < n; i++) {
        const int fd = events[i].data.fd;
        if (fd == workers_.wake_in_) {
          Settle(fd);
        } else if (fd == tun) {
          readable = true;
        } else {
          Drain(fd);
          received = true;
        }
      }
      // What was written may have been answered at once.
      if (tun >= 0 && (received || readable)) workers_.DrainTun(true);
      const double now = workers_.Now();
      if (tun >= 0 && workers_.IsBusy(now)) workers_.ShareTun();
      if (now >= workers_.core_->WakeAt()) workers_.core_->Tick(now);
    }
  }

 private:
  void Watch(int fd, bool on) {
    if (fd < 0) return;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(workers_.events_, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event);
  }

  // Milliseconds until the next deadline; -1 for none.
  int Timeout() {
    const double wake = workers_.core_->WakeAt();
    if (wake == kNever) return -1;
    return static_cast<int>(std::min(std::max(0.0, std::ceil(wake - workers_.Now())), 1e9));
  }

  void Drain(int fd) {
    int n;
    do {
      n = recvmmsg(fd, messages_, kMessages, MSG_DONTWAIT, nullptr);
    } while (n < 0 && errno == EINTR);
    size_t bytes = 0;
    packets_ = 0;
    for (int i = 0; i < n; i++) {
      bytes += messages_[i].msg_len;
      Split(messages_[i], slots_.get() + static_cast<size_t>(i) * kSlot + kHeadroom, &origins_[i]);
    }
    Process();
    for (int i = 0; i < n; i++) Prepare(static_cast<size_t>(i));
    workers_.NoteLoad(bytes, packets_, workers_.Now());
  }

  // Makes a message ready to be received into.
  void Prepare(size_t i) {
    pieces_[i] = {slots_.get() + i * kSlot + kHeadroom, kLongest};
    msghdr& message = messages_[i].msg_hdr;
    message = msghdr{};
    message.msg_name = &addresses_[i];
    message.msg_namelen = sizeof addresses_[i];
    message.msg_iov = &pieces_[i];
    message.msg_iovlen = 1;
    message.msg_control = &controls_[i];
    message.msg_controllen = sizeof controls_[i].space;
  }

  void Split(mmsghdr& message, uint8_t* bytes, Endpoint* from) {
    if (!Endpoint::From(*static_cast<sockaddr_storage*>(message.msg_hdr.msg_name), from)) {
      workers_.port_.unanswerable.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    const size_t total = message.msg_len;
    const size_t segment = SegmentOf(&message.msg_hdr);
    const size_t step = segment == 0 ? std::max<size_t>(total, 1) : segment;
    size_t at = 0;
    do {
      if (count_ == kBatch) Process();
      Datagram& datagram = datagrams_[count_++];
      packets_++;
      datagram.bytes = bytes + at;
      datagram.length = std::min(step, total - at);
      datagram.from = from;
      datagram.plaintext = plaintexts_.get() + plaintext_at_ + kHeadroom;
      plaintext_at_ += kHeadroom + datagram.length;
      at += step;
    } while (at < total);
  }

  void Process() {
    if (count_ == 0) return;
    workers_.core_->Receive(datagrams_, count_, workers_.Now(), this);
    count_ = plaintext_at_ = 0;
    coalescer_.Flush();
    forwards_.Flush();
  }

  void Packet(uint8_t* packet, size_t length) override { coalescer_.Add(packet, length); }

  void Forward(uint8_t* frame, size_t length, const Endpoint& hop) override { forwards_.Add(frame, length, hop); }

  bool Write(const iovec* pieces, int count) override {
    ssize_t n = -1;
    do {
      n = writev(workers_.init_.tun, pieces, count);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) return true;
    if (errno == EINVAL && count > 2) return false;
    workers_.write_errors_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  Workers& workers_;
  Coalescer coalescer_;
  DatagramBatch forwards_;
  std::unique_ptr<uint8_t[]> slots_;
  std::unique_ptr<uint8_t[]> plaintexts_;
  size_t plaintext_at_ = 0;
  mmsghdr messages_[kMessages];
  iovec pieces_[kMessages];
  sockaddr_storage addresses_[kMessages];
  GroControl controls_[kMessages];
  Endpoint origins_[kMessages];
  size_t count_ = 0;
  // Datagrams taken in one call.
  size_t packets_ = 0;
  Datagram datagrams_[kBatch];
};

void* Workers::RunInbound(void* self) {
  std::make_unique<Inbound>(static_cast<Workers*>(self))->Run();
  return nullptr;
}

}  // namespace kith
