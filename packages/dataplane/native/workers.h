// The two threads of a running plane. The in thread takes datagrams from the port, opens or forwards them, and writes
// packets to the TUN. While little passes, it also takes packets from the TUN, seals and sends them: an answer then needs
// no other thread to wake up. When much passes the out thread has the TUN. Both sleep while there is nothing to do.
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>

#include "coalesce.h"
#include "core.h"
#include "outbound.h"
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
  class Inbound;

  // Takes back what woke a thread up.
  static void Settle(int fd);
  // Asks the scheduler to let this thread in soon, or no sooner than others, where others run: what it does is short.
  static void AskForShortSlices(bool ask);
  static void* RunOutbound(void* self);
  static void* RunInbound(void* self);
  // For the thread that has the TUN.
  int tun() const { return tun_lost_.load(std::memory_order_relaxed) ? -1 : init_.tun; }
  void DrainTun(bool little);
  void RunOut();
  // In the in thread: whether it has the TUN.
  bool HasTun() const { return !shared_.load(std::memory_order_acquire); }
  void ShareTun();
  void NoteLoad(size_t bytes, size_t packets, double now);
  bool IsBusy(double now) const;
  bool ended() const { return ended_.load(std::memory_order_relaxed); }

  Core* const core_;
  CoreSink* const sink_;
  WorkersInit init_;
  Port port_;
  std::atomic<uint64_t> write_errors_{0};
  std::atomic<bool> ended_{false};
  std::atomic<bool> running_{false};
  std::atomic<bool> tun_lost_{false};
  // Whether the out thread has the TUN and what belongs to it. Each sets it only while it has the TUN itself.
  std::atomic<bool> shared_{false};
  // When much came at once for the last time.
  std::atomic<double> busy_at_{-kNever};
  std::unique_ptr<Outbound> outbound_;
  // What the in thread waits for.
  int events_ = -1;
  // Written to by whoever wants the threads to look up.
  int wake_in_ = -1;
  int wake_out_ = -1;
  pthread_t in_{};
  pthread_t out_{};
};

}  // namespace kith
