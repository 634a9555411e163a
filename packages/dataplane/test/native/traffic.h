// Traffic from one machine to another, on a thread of its own: single packets and super-packets of both families, TCP
// and UDP. It runs ahead of what arrives by a bounded amount only, so that without faults nothing is lost.
#pragma once

#include <algorithm>
#include <thread>

#include "machine.h"
#include "random.h"

namespace kith {

class Traffic {
 public:
  Traffic(Machine* from, Machine* to, uint64_t seed)
      : from_(from),
        to_(to),
        random_(seed),
        begin_(to->received()),
        ahead_(static_cast<uint64_t>(std::min(256 * 1024, to->buffer() / 8))) {
    thread_ = std::thread([this] { Run(); });
  }
  ~Traffic() { End(); }

  void End() {
    ended_.store(true);
    if (thread_.joinable()) thread_.join();
  }

  uint64_t sent() const { return sent_.load(); }
  // Valid where nobody else sends to the same machine.
  uint64_t missing() const { return sent_.load() - (to_->received() - begin_); }

 private:
  void Run() {
    uint32_t place = 0;
    while (!ended_.load()) {
      const Flow flow{from_->number(), to_->number(), random_.OneIn(3), !random_.OneIn(3)};
      const bool train = random_.OneIn(2);
      const size_t segment = train ? 100 + random_.Below(1300) : 0;
      const size_t length = train ? segment + random_.Below(20'000) : 4 + random_.Below(1300);
      // A datagram too short for its mark at the end of a train would not be recognised.
      const size_t rest = train ? length % segment : 0;
      const size_t even = rest > 0 && rest < 4 ? length - rest : length;
      if (from_->Send(MakePacket(flow, place, even, segment))) sent_.fetch_add(even);
      place += static_cast<uint32_t>(even);
      Wait();
    }
  }

  // Until enough has arrived, or nothing has for a while: then it was lost.
  void Wait() {
    for (int i = 0; i < 50 && !ended_.load(); i++) {
      if (missing() - lost_ < ahead_) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    lost_ = missing();
  }

  Machine* const from_;
  Machine* const to_;
  Random random_;
  const uint64_t begin_;
  // A port of a system that gives little room would lose what stands in it.
  const uint64_t ahead_;
  uint64_t lost_ = 0;
  std::atomic<uint64_t> sent_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace kith
