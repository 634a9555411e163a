// ChaCha20-Poly1305 (RFC 8439) of the OpenSSL inside Node, with WireGuard's nonce: four zero bytes and the counter.
#pragma once

#include <cstddef>
#include <cstdint>

struct evp_cipher_ctx_st;

namespace kith {

constexpr size_t kTagLength = 16;
constexpr size_t kKeyLength = 32;

// A key made ready for one direction. Not for several threads at once.
class Aead {
 public:
  enum class Direction { kSeal, kOpen };

  Aead(const uint8_t* key, Direction direction);
  ~Aead();
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;

  // Seals `length` bytes in place; the tag is written behind them.
  void Seal(uint64_t counter, uint8_t* bytes, size_t length);

  // Opens `length` bytes in place, the tag among them. False where they are not authentic: what stands there then is
  // worth nothing.
  bool Open(uint64_t counter, uint8_t* bytes, size_t length);

 private:
  evp_cipher_ctx_st* context_;
};

// Overwrites bytes so that no compiler leaves it out.
void Wipe(void* bytes, size_t length);

}  // namespace kith
