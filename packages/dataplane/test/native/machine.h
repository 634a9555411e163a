// A running plane on the workbench: a pair of sockets stands for its TUN, its port is on loopback.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "core.h"
#include "packets.h"
#include "punts.h"
#include "workers.h"

namespace kith {

// Ends the process where `fine` does not hold, saying what is wrong.
void Expect(bool fine, const char* what);
// Waits until it holds, at most so long.
void Until(const char* what, const std::function<bool()>& holds, int limit_ms = 20'000);

class Machine final : public CoreSink {
 public:
  // Member `n`; without a device it only relays.
  Machine(uint8_t n, bool device, bool offloads = true);
  ~Machine();
  Machine(const Machine&) = delete;

  void Stop();
  // From now on it does not look at what comes out of its TUN.
  void Overlook() { overlooks_.store(true); }
  // The end of the TUN that the kernel holds; closing it is what deleting the interface is.
  int kernel() const { return kernel_; }
  void DeleteDevice();

  // From another thread: the kernel's side sends a packet, or gives up after a moment.
  bool Send(const std::vector<uint8_t>& packet);
  // Payload that came out of the TUN unchanged.
  uint64_t received() const { return received_.load(); }
  // Bytes that its port holds for it.
  int buffer() const { return buffer_; }
  uint64_t super_packets() const { return super_packets_.load(); }
  // What JavaScript would be told; how much of it there was.
  size_t TakeReports() { return punts_.Take().size(); }
  int tun_lost() const { return tun_lost_.load(); }

  double Now() const { return workers_.Now(); }
  Core& core() { return core_; }
  Workers& workers() { return workers_; }
  const Endpoint& endpoint() const { return endpoint_; }
  const uint8_t* id() const { return id_; }
  uint8_t number() const { return number_; }

  void SetPeer(const Machine& other, const Machine* relay, bool open = true);
  // From now on; the other opens both.
  void SetCipher(const Machine& other, Cipher cipher);

  void Report(const Event& event) override;
  void SendDatagram(const uint8_t* bytes, size_t length, const Endpoint& to) override;
  void WakeChanged() override { workers_.Wake(); }

 private:
  void Read();

  const uint8_t number_;
  // For everybody.
  Cipher cipher_ = Cipher::kChaCha;
  uint8_t id_[8] = {};
  Core core_;
  Workers workers_;
  Punts punts_;
  Endpoint endpoint_;
  int kernel_ = -1;
  int buffer_ = 0;
  std::atomic<bool> ended_{false};
  std::atomic<bool> overlooks_{false};
  std::atomic<uint64_t> received_{0};
  std::atomic<uint64_t> super_packets_{0};
  std::atomic<int> tun_lost_{0};
  std::thread reader_;
};

// A new session between two machines, as a handshake makes it.
void Rekey(Machine* initiator, Machine* responder, uint64_t seed);

}  // namespace kith
