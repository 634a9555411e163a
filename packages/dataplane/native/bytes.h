// Numbers in bytes, whatever their alignment.
#pragma once

#include <cstdint>
#include <cstring>

namespace kith {

inline uint16_t ReadBE16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }

inline uint32_t ReadBE32(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 | static_cast<uint32_t>(p[2]) << 8 | p[3];
}

inline void WriteBE16(uint8_t* p, uint32_t value) {
  p[0] = static_cast<uint8_t>(value >> 8);
  p[1] = static_cast<uint8_t>(value);
}

inline void WriteBE32(uint8_t* p, uint32_t value) {
  WriteBE16(p, value >> 16);
  WriteBE16(p + 2, value);
}

inline uint32_t ReadLE32(const uint8_t* p) {
  return p[0] | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
}

inline uint64_t ReadLE64(const uint8_t* p) { return ReadLE32(p) | static_cast<uint64_t>(ReadLE32(p + 4)) << 32; }

inline void WriteLE32(uint8_t* p, uint32_t value) {
  for (int i = 0; i < 4; i++) p[i] = static_cast<uint8_t>(value >> (8 * i));
}

inline void WriteLE64(uint8_t* p, uint64_t value) {
  WriteLE32(p, static_cast<uint32_t>(value));
  WriteLE32(p + 4, static_cast<uint32_t>(value >> 32));
}

}  // namespace kith
