#include "aes.h"

#include <time.h>

#include <algorithm>
#include <cstring>

#include "evp.h"

namespace kith {
namespace {

// A packet that fills a cable of 1,500 bytes; how many are sealed and opened in a turn, and how many turns there are.
constexpr size_t kPacket = 1392;
constexpr int kPackets = 32;
constexpr int kTurns = 8;
// A close call is not worth a second cipher.
constexpr double kClearly = 0.85;

// Fetched once: a look-up by name for every key would cost more than sealing a packet.
const EVP_CIPHER* Cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

double Microseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

template <typename Key>
double TurnOf(Key* seal, Key* open, uint64_t first) {
  uint8_t bytes[kHeadroom + kPacket + kTagLength] = {};
  uint8_t out[sizeof bytes];
  const double begin = Microseconds();
  for (uint64_t counter = first; counter < first + kPackets; counter++) {
    seal->Seal(counter, bytes + kHeadroom, kPacket);
    Require(open->Open(counter, bytes + kHeadroom, kPacket + kTagLength, out + kHeadroom));
  }
  return Microseconds() - begin;
}

bool Measure() {
  if (Cipher() == nullptr) return false;
  const uint8_t key[kKeyLength] = {1};
  AesGcm aes_seal(key, Aead::Direction::kSeal), aes_open(key, Aead::Direction::kOpen);
  Aead chacha_seal(key, Aead::Direction::kSeal), chacha_open(key, Aead::Direction::kOpen);
  // The shortest turn counts: whatever else the machine does only adds.
  double aes = 1e12, chacha = 1e12;
  for (uint64_t turn = 0; turn < kTurns; turn++) {
    aes = std::min(aes, TurnOf(&aes_seal, &aes_open, turn * kPackets));
    chacha = std::min(chacha, TurnOf(&chacha_seal, &chacha_open, turn * kPackets));
  }
  return aes < kClearly * chacha;
}

}  // namespace

bool AesGcm::IsFaster() {
  static const bool faster = Measure();
  return faster;
}

AesGcm::AesGcm(const uint8_t* key, Aead::Direction direction) : direction_(direction) {
  memcpy(key_, key, kKeyLength);
}

AesGcm::~AesGcm() {
  EVP_CIPHER_CTX_free(context_);
  Wipe(key_, sizeof key_);
}

evp_cipher_ctx_st* AesGcm::Ready() {
  if (context_ == nullptr) {
    context_ = NewContext(Cipher(), key_, direction_ == Aead::Direction::kSeal);
    Wipe(key_, sizeof key_);
  }
  return context_;
}

void AesGcm::Seal(uint64_t counter, uint8_t* bytes, size_t length) { EvpSeal(Ready(), counter, bytes, length); }

bool AesGcm::Open(uint64_t counter, const uint8_t* bytes, size_t length, uint8_t* out) {
  return length >= kTagLength && EvpOpen(Ready(), counter, bytes, length, out);
}

}  // namespace kith
