// ChaCha20 and Poly1305 (RFC 8439) in as little code as they fit in: some twenty cache lines, where what OpenSSL runs side
// by side for many blocks is hundreds. A packet that comes after a pause waits for its code to be fetched from memory more
// than for the sums, so a short one is done sooner here; with the code in the caches OpenSSL's is twice as fast.
//
// The calls are those of OpenSSL's parts, see aead.cc: words are native, which fits machines of little endian alone. In
// constant time: no branch and no address depends on a key or on a byte.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith {

// `out` is `in` or apart from it.
void CompactChaCha20(uint8_t* out, const uint8_t* in, size_t length, const uint32_t key[8], const uint32_t counter[4]);

size_t CompactPolySize();
void CompactPolyInit(void* state, const uint8_t key[32]);
// Whole blocks of 16 bytes.
void CompactPolyUpdate(void* state, const uint8_t* bytes, size_t length);
// Wipes its state as well.
void CompactPolyFinal(void* state, uint8_t tag[16]);

}  // namespace kith
