#include "aead.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>

#include "bytes.h"

namespace kith {
namespace {

// Fetched once: a look-up by name for every key would cost more than sealing a packet.
const EVP_CIPHER* Cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return cipher;
}

void NonceOf(uint64_t counter, uint8_t (&nonce)[12]) {
  memset(nonce, 0, 4);
  WriteLE64(nonce + 4, counter);
}

// Only a defect or the end of memory brings us here; going on would send plaintext.
void Require(bool fine) {
  if (!fine) abort();
}

}  // namespace

Aead::Aead(const uint8_t* key, Direction direction) : context_(EVP_CIPHER_CTX_new()) {
  Require(context_ != nullptr && Cipher() != nullptr);
  Require(EVP_CipherInit_ex(context_, Cipher(), nullptr, key, nullptr, direction == Direction::kSeal ? 1 : 0) == 1);
}

Aead::~Aead() { EVP_CIPHER_CTX_free(context_); }

void Aead::Seal(uint64_t counter, uint8_t* bytes, size_t length) {
  uint8_t nonce[12];
  NonceOf(counter, nonce);
  int done = 0;
  Require(EVP_EncryptInit_ex(context_, nullptr, nullptr, nullptr, nonce) == 1);
  if (length > 0) Require(EVP_EncryptUpdate(context_, bytes, &done, bytes, static_cast<int>(length)) == 1);
  Require(EVP_EncryptFinal_ex(context_, bytes + length, &done) == 1);
  Require(EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTagLength, bytes + length) == 1);
}

bool Aead::Open(uint64_t counter, uint8_t* bytes, size_t length) {
  if (length < kTagLength) return false;
  const size_t text = length - kTagLength;
  uint8_t nonce[12];
  NonceOf(counter, nonce);
  int done = 0;
  if (EVP_DecryptInit_ex(context_, nullptr, nullptr, nullptr, nonce) != 1) return false;
  if (EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTagLength, bytes + text) != 1) return false;
  if (text > 0 && EVP_DecryptUpdate(context_, bytes, &done, bytes, static_cast<int>(text)) != 1) return false;
  uint8_t nothing[kTagLength];
  return EVP_DecryptFinal_ex(context_, nothing, &done) == 1;
}

void Wipe(void* bytes, size_t length) { OPENSSL_cleanse(bytes, length); }

}  // namespace kith
