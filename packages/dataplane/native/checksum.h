// The Internet checksum (RFC 1071) and what TCP and UDP add to it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith {

// Ones' complement sum of big endian 16-bit words, unfolded; an odd last byte counts as a word with a zero behind it.
// Sums of pieces may be added where every piece but the last has an even length.
uint64_t ChecksumSum(const uint8_t* bytes, size_t length);

// Folds a sum to 16 bits. The checksum field holds the complement of it.
inline uint16_t ChecksumFold(uint64_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// Sum of the pseudo header of the IP packet: addresses, protocol and `length` of what follows the IP header.
uint64_t PseudoHeaderSum(const uint8_t* packet, uint8_t protocol, size_t length);

}  // namespace kith
