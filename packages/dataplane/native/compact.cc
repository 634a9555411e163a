#include "compact.h"

#include <algorithm>

#include "aead.h"
#include "bytes.h"

namespace kith {
namespace {

constexpr size_t kBlock = 64;
// Bits of a limb: the sums of products fit into 64.
constexpr unsigned kLimb = 26;
constexpr uint32_t kMask = (1u << kLimb) - 1;

// A row of the state, RFC 8439, section 2.3. The compiler makes it a register of SSE2 or NEON.
typedef uint32_t Row __attribute__((vector_size(16)));

template <int kBits>
inline Row Turn(Row row) {
  return row << kBits | row >> (32 - kBits);
}

// Moves the words of a row to the left.
template <int kWords>
inline Row Shift(Row row) {
#ifdef __clang__
  return __builtin_shufflevector(row, row, kWords % 4, (kWords + 1) % 4, (kWords + 2) % 4, (kWords + 3) % 4);
#else
  return __builtin_shuffle(row, Row{kWords % 4, (kWords + 1) % 4, (kWords + 2) % 4, (kWords + 3) % 4});
#endif
}

// Four quarter rounds side by side.
inline void Quarters(Row& a, Row& b, Row& c, Row& d) {
  a += b, d = Turn<16>(d ^ a);
  c += d, b = Turn<12>(b ^ c);
  a += b, d = Turn<8>(d ^ a);
  c += d, b = Turn<7>(b ^ c);
}

inline Row RowAt(const void* bytes) {
  Row row;
  memcpy(&row, bytes, sizeof row);
  return row;
}

// Numbers modulo 2^130 - 5 in limbs, the lowest first.
struct Poly {
  // Limb i of r stands at 4 + i. What goes beyond 2^130 comes back five times: 5 x limb i stands at i - 1.
  uint32_t r[9];
  uint32_t h[5];
  uint32_t s[4];
};

// A number of 17 bytes.
void Split(const uint8_t* bytes, uint32_t (&limbs)[5]) {
  for (unsigned i = 0; i < 5; i++) limbs[i] = ReadLE32(bytes + kLimb * i / 8) >> kLimb * i % 8 & kMask;
}

void Multiply(Poly* poly) {
  uint64_t carry = 0;
  uint32_t product[5];
#pragma GCC unroll 5
  for (int i = 0; i < 5; i++) {
    uint64_t sum = carry;
#pragma GCC unroll 5
    for (int j = 0; j < 5; j++) sum += uint64_t{poly->h[j]} * poly->r[4 + i - j];
    product[i] = static_cast<uint32_t>(sum) & kMask;
    carry = sum >> kLimb;
  }
  const uint64_t low = product[0] + 5 * carry;
  memcpy(poly->h, product, sizeof product);
  poly->h[0] = static_cast<uint32_t>(low) & kMask;
  poly->h[1] += static_cast<uint32_t>(low >> kLimb);
}

void Carry(uint32_t (&h)[5]) {
  for (int i = 0; i < 4; i++) {
    h[i + 1] += h[i] >> kLimb;
    h[i] &= kMask;
  }
  h[0] += 5 * (h[4] >> kLimb);
  h[4] &= kMask;
}

}  // namespace

void CompactChaCha20(uint8_t* out, const uint8_t* in, size_t length, const uint32_t key[8], const uint32_t counter[4]) {
  const Row first = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  const Row second = RowAt(key);
  const Row third = RowAt(key + 4);
  Row fourth = RowAt(counter);
  for (; length > 0; fourth[0]++) {
    Row rows[4] = {first, second, third, fourth};
    for (int i = 0; i < 10; i++) {
      Quarters(rows[0], rows[1], rows[2], rows[3]);
      rows[1] = Shift<1>(rows[1]), rows[2] = Shift<2>(rows[2]), rows[3] = Shift<3>(rows[3]);
      Quarters(rows[0], rows[1], rows[2], rows[3]);
      rows[1] = Shift<3>(rows[1]), rows[2] = Shift<2>(rows[2]), rows[3] = Shift<1>(rows[3]);
    }
    rows[0] += first, rows[1] += second, rows[2] += third, rows[3] += fourth;
    const size_t size = std::min(length, kBlock);
    uint8_t text[kBlock];
    memcpy(text, in, size);
    for (int i = 0; i < 4; i++) {
      rows[i] ^= RowAt(text + 16 * i);
      memcpy(text + 16 * i, &rows[i], 16);
    }
    memcpy(out, text, size);
    in += size;
    out += size;
    length -= size;
  }
}

size_t CompactPolySize() { return sizeof(Poly); }

void CompactPolyInit(void* state, const uint8_t key[32]) {
  Poly* const poly = static_cast<Poly*>(state);
  uint8_t r[17] = {};
  memcpy(r, key, 16);
  // RFC 8439, section 2.5: some bits are never set.
  for (const int i : {3, 7, 11, 15}) r[i] &= 15;
  for (const int i : {4, 8, 12}) r[i] &= 252;
  uint32_t limbs[5];
  Split(r, limbs);
  for (int i = 0; i < 5; i++) poly->r[4 + i] = limbs[i];
  for (int i = 1; i < 5; i++) poly->r[i - 1] = 5 * limbs[i];
  memset(poly->h, 0, sizeof poly->h);
  for (int i = 0; i < 4; i++) poly->s[i] = ReadLE32(key + 16 + 4 * i);
  Wipe(r, sizeof r);
  Wipe(limbs, sizeof limbs);
}

void CompactPolyUpdate(void* state, const uint8_t* bytes, size_t length) {
  Poly* const poly = static_cast<Poly*>(state);
  for (; length > 0; bytes += 16, length -= 16) {
    uint8_t block[17];
    uint32_t limbs[5];
    memcpy(block, bytes, 16);
    block[16] = 1;
    Split(block, limbs);
    for (int i = 0; i < 5; i++) poly->h[i] += limbs[i];
    Multiply(poly);
  }
}

void CompactPolyFinal(void* state, uint8_t tag[16]) {
  Poly* const poly = static_cast<Poly*>(state);
  uint32_t(&h)[5] = poly->h;
  Carry(h);
  Carry(h);
  // h - (2^130 - 5) is taken where it is not negative: where adding 5 carries beyond the last limb.
  uint32_t reduced[5];
  uint32_t carry = 5;
  for (int i = 0; i < 5; i++) {
    carry += h[i];
    reduced[i] = carry & kMask;
    carry >>= kLimb;
  }
  const uint32_t take = 0 - carry;
  for (int i = 0; i < 5; i++) h[i] = (reduced[i] & take) | (h[i] & ~take);
  const uint32_t words[4] = {h[0] | h[1] << 26, h[1] >> 6 | h[2] << 20, h[2] >> 12 | h[3] << 14, h[3] >> 18 | h[4] << 8};
  uint64_t sum = 0;
  for (int i = 0; i < 4; i++) {
    sum += uint64_t{words[i]} + poly->s[i];
    WriteLE32(tag + 4 * i, static_cast<uint32_t>(sum));
    sum >>= 32;
  }
  Wipe(poly, sizeof *poly);
}

}  // namespace kith
