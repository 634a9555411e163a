#include "evp.h"

#include <cstdlib>

#include "aead.h"
#include "bytes.h"

namespace kith {
namespace {

void NonceOf(uint64_t counter, uint8_t (&nonce)[12]) {
  memset(nonce, 0, 4);
  WriteLE64(nonce + 4, counter);
}

}  // namespace

void Require(bool fine) {
  if (!fine) abort();
}

EVP_CIPHER_CTX* NewContext(const EVP_CIPHER* cipher, const uint8_t* key, bool seals) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  Require(context != nullptr && cipher != nullptr);
  Require(EVP_CipherInit_ex(context, cipher, nullptr, key, nullptr, seals ? 1 : 0) == 1);
  return context;
}

void EvpSeal(EVP_CIPHER_CTX* context, uint64_t counter, uint8_t* bytes, size_t length) {
  uint8_t nonce[12];
  NonceOf(counter, nonce);
  int done = 0;
  Require(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce) == 1);
  if (length > 0) Require(EVP_EncryptUpdate(context, bytes, &done, bytes, static_cast<int>(length)) == 1);
  Require(EVP_EncryptFinal_ex(context, bytes + length, &done) == 1);
  Require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagLength, bytes + length) == 1);
}

bool EvpOpen(EVP_CIPHER_CTX* context, uint64_t counter, const uint8_t* bytes, size_t length, uint8_t* out) {
  const size_t text = length - kTagLength;
  uint8_t nonce[12];
  uint8_t tag[kTagLength];
  NonceOf(counter, nonce);
  memcpy(tag, bytes + text, kTagLength);
  int done = 0;
  if (EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce) != 1) return false;
  if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagLength, tag) != 1) return false;
  if (text > 0 && EVP_DecryptUpdate(context, out, &done, bytes, static_cast<int>(text)) != 1) return false;
  uint8_t nothing[kTagLength];
  return EVP_DecryptFinal_ex(context, nothing, &done) == 1;
}

}  // namespace kith
