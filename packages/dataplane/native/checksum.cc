#include "checksum.h"

#include <cstring>

#include "bytes.h"

namespace kith {
namespace {

// 32-bit words as the machine reads them, into 64 bits: no carry is lost below 16 GiB, and compilers make vectors of it.
// The order of bytes in a word does not matter to the sum, see RFC 1071, section 2 (B).
#define KITH_SUM_WORDS                                      \
  uint64_t sum = 0;                                         \
  for (size_t i = 0; i < count; i++) {                      \
    uint32_t word;                                          \
    memcpy(&word, bytes + 4 * i, 4);                        \
    sum += word;                                            \
  }                                                         \
  return sum

__attribute__((optimize("O3"))) uint64_t SumWords(const uint8_t* bytes, size_t count) { KITH_SUM_WORDS; }

#if defined(__x86_64__)
__attribute__((optimize("O3"), target("avx2"))) uint64_t SumWordsAvx2(const uint8_t* bytes, size_t count) {
  KITH_SUM_WORDS;
}
const bool kAvx2 = __builtin_cpu_supports("avx2");
#endif

}  // namespace

uint64_t ChecksumSum(const uint8_t* bytes, size_t length) {
  const size_t count = length / 4;
#if defined(__x86_64__)
  uint64_t sum = kAvx2 ? SumWordsAvx2(bytes, count) : SumWords(bytes, count);
#else
  uint64_t sum = SumWords(bytes, count);
#endif
  size_t at = count * 4;
  if (length - at >= 2) {
    uint16_t word;
    memcpy(&word, bytes + at, 2);
    sum += word;
    at += 2;
  }
  if (at < length) {
    const uint8_t pair[2] = {bytes[at], 0};
    uint16_t word;
    memcpy(&word, pair, 2);
    sum += word;
  }
  const uint16_t folded = ChecksumFold(sum);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return __builtin_bswap16(folded);
#else
  return folded;
#endif
}

uint64_t PseudoHeaderSum(const uint8_t* packet, uint8_t protocol, size_t length) {
  const bool four = packet[0] >> 4 == 4;
  const uint64_t addresses = four ? ChecksumSum(packet + 12, 8) : ChecksumSum(packet + 8, 32);
  return addresses + protocol + (length >> 16) + (length & 0xffff);
}

}  // namespace kith
