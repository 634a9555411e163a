// One keypair of WireGuard (white paper 5.4.6).
#pragma once

#include <atomic>
#include <cstdint>

#include "aead.h"
#include "replay.h"
#include "wire.h"

namespace kith {

struct Peer;

// Everything but `seal_out` and `open` is guarded by the plane's lock. Threads that seal or open outside of the lock hold
// a reference meanwhile; the last one frees the session.
struct Session {
  Session(const uint8_t* send_key, const uint8_t* receive_key)
      : seal_out(send_key, Aead::Direction::kSeal),
        seal_locked(send_key, Aead::Direction::kSeal),
        open(receive_key, Aead::Direction::kOpen) {}

  bool MaySend(double now, uint64_t messages) const {
    return now < expires_at && send_counter + messages <= kRejectAfterMessages;
  }

  void Hold() { references.fetch_add(1, std::memory_order_relaxed); }
  void Release() {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  std::atomic<int> references{1};
  uint32_t local_index = 0;
  uint32_t remote_index = 0;
  bool initiator = false;
  double expires_at = 0;
  // Whether an authenticated message has come in.
  bool confirmed = false;
  // Counter of the next message.
  uint64_t send_counter = 0;
  ReplayWindow window;
  // Null once the plane has dropped the session.
  Peer* peer = nullptr;

  // For the thread that takes packets from the TUN.
  Aead seal_out;
  // For whoever holds the lock.
  Aead seal_locked;
  // For the thread that takes datagrams from the port.
  Aead open;
};

}  // namespace kith
