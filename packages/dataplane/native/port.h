// The UDP port: sockets for both families, datagrams that leave in batches.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "endpoint.h"

namespace kith {

// Descriptors of the two sockets; -1 for a family that the machine lacks. What every sender shares.
struct Port {
  int v4 = -1;
  int v6 = -1;
  // Whether the sockets send by generic segmentation offload.
  bool gso = false;
  // Datagrams that the system refused.
  std::atomic<uint64_t> send_errors{0};
  // Datagrams from addresses that cannot be answered.
  std::atomic<uint64_t> unanswerable{0};

  int SocketFor(const Endpoint& to) const { return to.v6() ? v6 : v4; }
  // Sends one datagram without waiting.
  void SendNow(const uint8_t* bytes, size_t length, const Endpoint& to);
};

// Opens a socket of `family` and binds it; 0 for any port. With `gro` it hands over trains of datagrams. Returns the
// descriptor, or a negative errno. `buffer` is how many bytes the system gave it to receive.
int OpenUdp(int family, uint16_t port, bool loopback, bool gro, uint16_t* bound, int* buffer);

// Datagrams on their way out. Those that stand behind each other in memory, go to one endpoint and have one length leave
// as one message with UDP_SEGMENT, where the system takes it.
class DatagramBatch {
 public:
  explicit DatagramBatch(Port* port) : port_(port) {}

  // `bytes` must stay until Flush.
  void Add(uint8_t* bytes, size_t length, const Endpoint& to);
  // Waits where the socket is full, but not for long.
  void Flush();

 private:
  static constexpr size_t kRuns = 64;
  static constexpr size_t kMostSegments = 64;
  // The longest payload of UDP over IPv4 with some room for options of IP.
  static constexpr size_t kLongestRun = 65440;
  static constexpr size_t kRefusals = 32;

  struct Run {
    uint8_t* bytes;
    size_t total;
    // Length of every datagram but the last, which may be shorter.
    size_t segment;
    size_t count;
    bool closed;
    Endpoint to;
  };

  // The way to an endpoint took no train of datagrams of this length: its MTU is smaller, or its device does not cut
  // trains. Holds until this many flushes were done, then it is tried again.
  struct Refusal {
    Endpoint to;
    size_t segment;
    uint64_t until;
  };

  void SendRuns(Run* runs, size_t count);
  void SendSingly(const Run& run);
  bool UsesGso(const Run& run) const;
  void Remember(const Endpoint& to, size_t segment);
  // Counts datagrams that do not leave.
  void Lose(const Run* runs, size_t count);

  Port* const port_;
  size_t used_ = 0;
  uint64_t flushes_ = 0;
  // The socket stayed full: what is left of this flush is lost.
  bool stuck_ = false;
  size_t refusals_used_ = 0;
  size_t next_refusal_ = 0;
  Refusal refusals_[kRefusals];
  Run runs_[kRuns];
};

}  // namespace kith
