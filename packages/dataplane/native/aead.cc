#include "aead.h"

#include <dlfcn.h>
#include <openssl/crypto.h>

#include <initializer_list>

#include "bytes.h"
#include "compact.h"
#include "evp.h"

namespace kith {
namespace {

constexpr size_t kBlock = 64;
static_assert(kHeadroom == kBlock, "the block with the key of the authenticator stands there");

// Fetched once: a look-up by name for every key would cost more than sealing a packet.
const EVP_CIPHER* Cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return cipher;
}

// OpenSSL's own headers for these are not public: include/crypto/chacha.h and poly1305.h. Words are native.
struct Parts {
  void (*chacha)(uint8_t* out, const uint8_t* in, size_t length, const uint32_t key[8], const uint32_t counter[4]);
  size_t (*poly_size)();
  void (*poly_init)(void* state, const uint8_t key[32]);
  void (*poly_update)(void* state, const uint8_t* bytes, size_t length);
  void (*poly_final)(void* state, uint8_t tag[16]);
};

constexpr size_t kPolyState = 512;
// Bytes up to which little code is faster than fast code that has to be fetched first.
constexpr size_t kShort = 256;

// The authenticator over `length` bytes of ciphertext without associated data, RFC 8439, section 2.8.
void TagOf(const Parts& parts, const uint8_t* key, const uint8_t* bytes, size_t length, uint8_t* tag) {
  alignas(64) uint8_t state[kPolyState];
  uint8_t last[32] = {};
  const size_t whole = length / 16 * 16;
  const size_t rest = length - whole;
  size_t size = 0;
  if (rest > 0) {
    memcpy(last, bytes + whole, rest);
    size = 16;
  }
  WriteLE64(last + size + 8, length);
  parts.poly_init(state, key);
  parts.poly_update(state, bytes, whole);
  parts.poly_update(state, last, size + 16);
  // Wipes its state as well.
  parts.poly_final(state, tag);
}

void CounterBlock(uint64_t counter, uint32_t (&block)[4]) {
  block[0] = 0;
  block[1] = 0;
  block[2] = static_cast<uint32_t>(counter);
  block[3] = static_cast<uint32_t>(counter >> 32);
}

void SealByParts(const Parts& parts, const uint32_t* key, uint64_t counter, uint8_t* bytes, size_t length) {
  uint32_t block[4];
  uint8_t before[kBlock];
  CounterBlock(counter, block);
  uint8_t* const start = bytes - kBlock;
  memcpy(before, start, kBlock);
  memset(start, 0, kBlock);
  parts.chacha(start, start, kBlock + length, key, block);
  TagOf(parts, start, bytes, length, bytes + length);
  memcpy(start, before, kBlock);
}

bool OpenByParts(const Parts& parts, const uint32_t* key, uint64_t counter, uint8_t* bytes, size_t length,
                 uint8_t* out) {
  const size_t text = length - kTagLength;
  uint32_t block[4];
  uint8_t before[kBlock];
  uint8_t tag[kTagLength];
  CounterBlock(counter, block);
  memcpy(before, bytes - kBlock, kBlock);
  memset(bytes - kBlock, 0, kBlock);
  parts.chacha(out - kBlock, bytes - kBlock, kBlock + text, key, block);
  memcpy(bytes - kBlock, before, kBlock);
  TagOf(parts, out - kBlock, bytes, text, tag);
  Wipe(out - kBlock, kBlock);
  return CRYPTO_memcmp(tag, bytes + text, kTagLength) == 0;
}

template <typename Function>
bool Find(const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
  return *function != nullptr;
}

// Seals some lengths both ways and opens them again.
bool Agrees(const Parts& parts) {
  uint8_t key[kKeyLength];
  for (size_t i = 0; i < sizeof key; i++) key[i] = static_cast<uint8_t>(3 * i + 1);
  uint32_t words[8];
  for (size_t i = 0; i < 8; i++) words[i] = ReadLE32(key + 4 * i);
  Aead seal(key, Aead::Direction::kSeal, Aead::Means::kEvp);
  for (const size_t length : {0, 1, 15, 16, 63, 64, 65, 240, 576, 1008, 1024, 1280, 1392, 1500}) {
    uint8_t mine[kBlock + 1500 + kTagLength];
    uint8_t theirs[sizeof mine];
    uint8_t opened[sizeof mine];
    for (size_t i = 0; i < sizeof mine; i++) mine[i] = theirs[i] = static_cast<uint8_t>(7 * i);
    const uint64_t counter = 0x0102030405060708 + length;
    SealByParts(parts, words, counter, mine + kBlock, length);
    seal.Seal(counter, theirs + kBlock, length);
    if (memcmp(mine, theirs, sizeof mine) != 0) return false;
    if (!OpenByParts(parts, words, counter, mine + kBlock, length + kTagLength, opened + kBlock)) return false;
    for (size_t i = 0; i < length; i++) {
      if (opened[kBlock + i] != static_cast<uint8_t>(7 * (kBlock + i))) return false;
    }
    mine[kBlock + length] ^= 1;
    if (OpenByParts(parts, words, counter, mine + kBlock, length + kTagLength, opened + kBlock)) return false;
  }
  return true;
}

constexpr Parts kCompact{CompactChaCha20, CompactPolySize, CompactPolyInit, CompactPolyUpdate, CompactPolyFinal};

Parts LookUp() {
  Parts parts{};
  if (!Find("ChaCha20_ctr32", &parts.chacha) || !Find("Poly1305_ctx_size", &parts.poly_size) ||
      !Find("Poly1305_Init", &parts.poly_init) || !Find("Poly1305_Update", &parts.poly_update) ||
      !Find("Poly1305_Final", &parts.poly_final) || parts.poly_size() > kPolyState || !Agrees(parts) || !Agrees(kCompact)) {
    return Parts{};
  }
  return parts;
}

const Parts& TheParts() {
  static const Parts parts = LookUp();
  return parts;
}

const Parts& PartsFor(size_t length, bool lone) { return lone && length <= kShort ? kCompact : TheParts(); }

}  // namespace

bool Aead::HasParts() { return TheParts().chacha != nullptr; }

Aead::Aead(const uint8_t* key, Direction direction, Means means) : parts_(means == Means::kBest && HasParts()) {
  for (size_t i = 0; i < 8; i++) key_[i] = parts_ ? ReadLE32(key + 4 * i) : 0;
  if (!parts_) context_ = NewContext(Cipher(), key, direction == Direction::kSeal);
}

Aead::~Aead() {
  EVP_CIPHER_CTX_free(context_);
  Wipe(key_, sizeof key_);
}

void Aead::Seal(uint64_t counter, uint8_t* bytes, size_t length, bool lone) {
  if (parts_) SealByParts(PartsFor(length, lone), key_, counter, bytes, length);
  else EvpSeal(context_, counter, bytes, length);
}

bool Aead::Open(uint64_t counter, uint8_t* bytes, size_t length, uint8_t* out, bool lone) {
  if (length < kTagLength) return false;
  if (parts_) return OpenByParts(PartsFor(length, lone), key_, counter, bytes, length, out);
  return EvpOpen(context_, counter, bytes, length, out);
}

void Wipe(void* bytes, size_t length) {
  memset(bytes, 0, length);
  // Whoever reads this sees all memory read here.
  asm volatile("" : : "r"(bytes) : "memory");
}

}  // namespace kith
