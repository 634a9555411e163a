// From the TUN to the port. Used by one thread at a time, see workers.h.
#pragma once

#include <cstdint>
#include <memory>

#include "core.h"
#include "port.h"

namespace kith {

class Outbound {
 public:
  struct Taken {
    // False where no packet will ever come: the interface was removed under us.
    bool alive;
    // Bytes read.
    size_t bytes;
    size_t packets;
  };

  // `tun` may be -1: there is never a packet.
  Outbound(Core* core, Port* port, int tun);

  // Takes the packets that wait, up to a batch of them, and sends them. Where little passes, one that comes after a while
  // without any is sent before a look at the next, which is taken by the next call.
  Taken Drain(double now, bool little);

 private:
  static constexpr size_t kLongestPacket = 65536;

  void Take(size_t size, double now, bool lone);
  void Flush();

  Core* const core_;
  const int tun_;
  DatagramBatch batch_;
  std::unique_ptr<uint8_t[]> arena_;
  size_t at_ = 0;
  int failures_ = 0;
  // When a packet came last.
  double taken_at_ = -kNever;
  uint8_t packet_[sizeof(VnetHeader) + kLongestPacket];
};

}  // namespace kith
