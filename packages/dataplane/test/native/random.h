// Random numbers that a seed determines (splitmix64).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kith {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // 0 to `limit` - 1.
  size_t Below(size_t limit) { return static_cast<size_t>(Next() % limit); }

  bool OneIn(size_t n) { return Below(n) == 0; }

  void Fill(uint8_t* bytes, size_t length) {
    for (size_t i = 0; i < length; i++) bytes[i] = static_cast<uint8_t>(Next());
  }

 private:
  uint64_t state_;
};

}  // namespace kith
