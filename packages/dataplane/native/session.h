// One keypair of WireGuard (white paper 5.4.6), and the keys beside it for members that agreed on another cipher.
#pragma once

#include <atomic>
#include <cstdint>

#include "aead.h"
#include "aes.h"
#include "replay.h"
#include "wire.h"

namespace kith {

struct Peer;

enum class Cipher { kChaCha, kAes };

// Type of a transport message.
constexpr uint32_t TypeOf(Cipher cipher) { return cipher == Cipher::kAes ? kTypeAesTransport : kTypeTransport; }

// The keys of one direction, one for each cipher.
struct Keys {
  uint8_t chacha[kKeyLength];
  uint8_t aes[kKeyLength];
};

// Keys made ready, for one thread at a time.
struct Sealer {
  explicit Sealer(const Keys& keys)
      : chacha(keys.chacha, Aead::Direction::kSeal), aes(keys.aes, Aead::Direction::kSeal) {}

  // Seals `length` bytes behind the header of a transport message in place. There is headroom before them, which is put
  // back, and room for the tag behind them.
  void Seal(Cipher cipher, uint64_t counter, uint8_t* bytes, size_t length, bool lone = false) {
    if (cipher == Cipher::kAes) aes.Seal(counter, bytes, length);
    else chacha.Seal(counter, bytes, length, lone);
  }

  Aead chacha;
  AesGcm aes;
};

struct Opener {
  explicit Opener(const Keys& keys)
      : chacha(keys.chacha, Aead::Direction::kOpen), aes(keys.aes, Aead::Direction::kOpen) {}

  // As Aead::Open.
  bool Open(Cipher cipher, uint64_t counter, uint8_t* bytes, size_t length, uint8_t* out, bool lone = false) {
    if (cipher == Cipher::kAes) return aes.Open(counter, bytes, length, out);
    return chacha.Open(counter, bytes, length, out, lone);
  }

  Aead chacha;
  AesGcm aes;
};

// Everything but `seal_out` and `open` is guarded by the plane's lock. Threads that seal or open outside of the lock hold
// a reference meanwhile; the last one frees the session. Both ciphers share one counter and one window: of each counter
// one message is sent and one is taken.
struct Session {
  Session(const Keys& send, const Keys& receive) : seal_out(send), seal_locked(send), open(receive) {}

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
  Sealer seal_out;
  // For whoever holds the lock.
  Sealer seal_locked;
  // For the thread that takes datagrams from the port.
  Opener open;
};

}  // namespace kith
