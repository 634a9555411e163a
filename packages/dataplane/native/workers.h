// The two threads of a running plane: one takes packets from the TUN, seals and sends them; the other takes datagrams
// from the port, opens or forwards them, and writes packets to the TUN. Both sleep while there is nothing to do.
#pragma once

#include <pthread.h>

#include <atomic>

#include "coalesce.h"
#include "core.h"
#include "port.h"

namespace kith {

struct WorkersInit {
  // Owned from Start on; -1 for a plane without device.
  int tun = -1;
  int udp4 = -1;
  int udp6 = -1;
  // Whether trains of datagrams leave and super-packets are written to the TUN; those of UDP where it takes them.
  bool offloads = true;
  bool uso = false;
  // Milliseconds to be added to CLOCK_MONOTONIC to get the clock of the contract's `now`.
  double clock_offset = 0;
};

class Workers {
 public:
  Workers(Core* core, CoreSink* sink) : core_(core), sink_(sink) {}

  // Returns 0 or an errno; then nothing runs, and the descriptors are still the caller's.
  int Start(const WorkersInit& init);
  // Ends the threads and closes the descriptors. A second call does nothing.
  void Stop();
  bool running() const { return running_; }

  // Deadlines came nearer.
  void Wake();
  Port& port() { return port_; }
  uint64_t write_errors() const { return write_errors_.load(std::memory_order_relaxed); }
  double Now() const;

 private:
  class Outbound;
  class Inbound;

  static void* RunOutbound(void* self);
  static void* RunInbound(void* self);
  bool ended() const { return ended_.load(std::memory_order_relaxed); }

  Core* const core_;
  CoreSink* const sink_;
  WorkersInit init_;
  Port port_;
  std::atomic<uint64_t> write_errors_{0};
  std::atomic<bool> ended_{false};
  std::atomic<bool> running_{false};
  // Written to by whoever wants the threads to look up.
  int wake_in_ = -1;
  int wake_out_ = -1;
  pthread_t inbound_{};
  pthread_t outbound_{};
};

}  // namespace kith
