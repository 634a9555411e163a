// The window that refuses replayed transport messages (white paper 5.4.6, algorithm of RFC 6479).
#pragma once

#include <algorithm>
#include <cstdint>

namespace kith {

class ReplayWindow {
 public:
  static constexpr uint64_t kWindow = 8192;

  // Whether `counter` is within the window or ahead of it, and was not accepted before.
  bool IsFresh(uint64_t counter) const {
    if (counter >= next_) return true;
    if (next_ - counter > kWindow) return false;
    return (words_[counter / 64 % kRing] >> (counter % 64) & 1) == 0;
  }

  // Takes an authentic counter in. False, and nothing changes, where it is not fresh.
  bool Accept(uint64_t counter) {
    if (!IsFresh(counter)) return false;
    const uint64_t block = counter / 64;
    if (counter >= next_) {
      const uint64_t after = next_ == 0 ? 0 : (next_ - 1) / 64 + 1;
      const uint64_t steps = block < after ? 0 : std::min<uint64_t>(block - after + 1, kRing);
      for (uint64_t i = 0; i < steps; i++) words_[(block - i) % kRing] = 0;
      next_ = counter + 1;
    }
    words_[block % kRing] |= uint64_t{1} << (counter % 64);
    return true;
  }

 private:
  // One word more than the window needs, so that sliding clears whole words only.
  static constexpr uint64_t kRing = kWindow / 64 + 1;

  uint64_t words_[kRing] = {};
  // One more than the greatest counter accepted; 0 before the first.
  uint64_t next_ = 0;
};

}  // namespace kith
