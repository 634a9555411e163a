// Ciphers by the public interface of the OpenSSL inside Node, with WireGuard's nonce (white paper 5.4.6): four zero bytes
// and the counter, little endian; a tag of 16 bytes; no associated data.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>

namespace kith {

// Only a defect or the end of memory makes a call to OpenSSL fail that has no bytes of others in it; going on would send
// plaintext. Ends the process.
void Require(bool fine);

// A context with `key` of 32 bytes in it, to be freed by EVP_CIPHER_CTX_free, which wipes it.
EVP_CIPHER_CTX* NewContext(const EVP_CIPHER* cipher, const uint8_t* key, bool seals);

// Seals `length` bytes in place; the tag is written behind them.
void EvpSeal(EVP_CIPHER_CTX* context, uint64_t counter, uint8_t* bytes, size_t length);

// Opens `length` bytes, at least a tag, into `out`, which has room for the plaintext. False where they are not authentic.
bool EvpOpen(EVP_CIPHER_CTX* context, uint64_t counter, const uint8_t* bytes, size_t length, uint8_t* out);

}  // namespace kith
