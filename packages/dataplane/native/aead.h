// ChaCha20-Poly1305 (RFC 8439) of the OpenSSL inside Node, with WireGuard's nonce: four zero bytes and the counter.
//
// Two ways to the same bytes. EVP is the public one. It runs the cipher three times for a packet: for the block with the
// key of the authenticator, for the whole blocks, and for a rest; each run costs as much as many blocks do side by side.
// Where Node exports the parts below EVP (ChaCha20_ctr32 and Poly1305_*), one run does all of it. They are looked up when
// the addon is loaded and must give EVP's results first. Beside them, a short packet that comes alone is done by little
// code of our own, see compact.h.
#pragma once

#include <cstddef>
#include <cstdint>

struct evp_cipher_ctx_st;

namespace kith {

constexpr size_t kTagLength = 16;
constexpr size_t kKeyLength = 32;
// Bytes before what is sealed or opened that the cipher works in and, where they are of others, puts back.
constexpr size_t kHeadroom = 64;

// A key made ready for one direction. Not for several threads at once.
class Aead {
 public:
  enum class Direction { kSeal, kOpen };
  enum class Means { kBest, kEvp };

  Aead(const uint8_t* key, Direction direction, Means means = Means::kBest);
  ~Aead();
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;

  // Seals `length` bytes in place; the tag is written behind them. There is headroom before them, which is put back.
  // `lone`: it comes after a pause, so that most likely no code of a cipher is in the caches.
  void Seal(uint64_t counter, uint8_t* bytes, size_t length, bool lone = false);

  // Opens `length` bytes, the tag among them, into `out`, which has room for as many. Both have headroom before them:
  // that of `bytes` is put back, that of `out` is lost. False where they are not authentic: what stands in `out` then is
  // worth nothing.
  bool Open(uint64_t counter, uint8_t* bytes, size_t length, uint8_t* out, bool lone = false);

  // Whether the parts below EVP are used here.
  static bool HasParts();

 private:
  const bool parts_;
  // Null where the parts are used.
  evp_cipher_ctx_st* context_ = nullptr;
  uint32_t key_[8];
};

// Overwrites bytes so that no compiler leaves it out.
void Wipe(void* bytes, size_t length);

}  // namespace kith
