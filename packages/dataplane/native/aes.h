// AES-256-GCM (NIST SP 800-38D) of the OpenSSL inside Node: for data between members that both measured it to be faster.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aead.h"

namespace kith {

// A key for one direction, as Aead is one for ChaCha20-Poly1305. Not for several threads at once. It is made ready when it
// is used first: a key that is ready takes a kilobyte, and most peers never get that far.
class AesGcm {
 public:
  AesGcm(const uint8_t* key, Aead::Direction direction);
  ~AesGcm();
  AesGcm(const AesGcm&) = delete;
  AesGcm& operator=(const AesGcm&) = delete;

  // Seals `length` bytes in place; the tag is written behind them.
  void Seal(uint64_t counter, uint8_t* bytes, size_t length);

  // Opens `length` bytes, the tag among them, into `out`, which has room for as many. False where they are not
  // authentic: what stands in `out` then is worth nothing.
  bool Open(uint64_t counter, const uint8_t* bytes, size_t length, uint8_t* out);

  // Whether it is clearly faster than Aead on this machine. Measured once, in about a millisecond.
  static bool IsFaster();

 private:
  evp_cipher_ctx_st* Ready();

  const Aead::Direction direction_;
  // Null until the first use; the key is wiped then.
  evp_cipher_ctx_st* context_ = nullptr;
  uint8_t key_[kKeyLength];
};

}  // namespace kith
