// What compact.h says, by itself: the addon would do without it where it were wrong. The authenticator where its sums come
// near or over 2^130 - 5, too, which random packets never do.
#include <cstring>

#include "compact.h"
#include "machine.h"
#include "modes.h"

namespace kith {
namespace {

struct Vector {
  const char* r;
  const char* s;
  const char* text;
  const char* tag;
};

// RFC 8439, appendix A.3, numbers 5 to 11.
constexpr Vector kVectors[] = {
    {"02000000000000000000000000000000", "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
     "03000000000000000000000000000000"},
    {"02000000000000000000000000000000", "ffffffffffffffffffffffffffffffff", "02000000000000000000000000000000",
     "03000000000000000000000000000000"},
    {"01000000000000000000000000000000", "00000000000000000000000000000000",
     "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff11000000000000000000000000000000",
     "05000000000000000000000000000000"},
    {"01000000000000000000000000000000", "00000000000000000000000000000000",
     "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe01010101010101010101010101010101",
     "00000000000000000000000000000000"},
    {"02000000000000000000000000000000", "00000000000000000000000000000000", "fdffffffffffffffffffffffffffffff",
     "faffffffffffffffffffffffffffffff"},
    {"01000000000000000400000000000000", "00000000000000000000000000000000",
     "e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000"
     "000000000000000001000000000000000000000000000000",
     "14000000000000005500000000000000"},
    {"01000000000000000400000000000000", "00000000000000000000000000000000",
     "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000",
     "13000000000000000000000000000000"},
};

uint8_t Digit(char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

std::vector<uint8_t> BytesOf(const char* hex) {
  std::vector<uint8_t> bytes;
  for (; *hex != 0; hex += 2) bytes.push_back(static_cast<uint8_t>(Digit(hex[0]) << 4 | Digit(hex[1])));
  return bytes;
}

// RFC 8439, section 2.8.2: the key of the authenticator is the block before the text.
constexpr char kText[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
constexpr char kOneTimeKey[] = "7bac2b252db447af09b67a55a4e955840ae1d6731075d9eb2a9375783ed553ff";
constexpr char kCiphertext[] =
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
    "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
    "3ff4def08e4b7a9de576d26586cec64b6116";

void CheckCipher() {
  uint32_t key[8];
  uint8_t secret[32];
  for (size_t i = 0; i < sizeof secret; i++) secret[i] = static_cast<uint8_t>(0x80 + i);
  memcpy(key, secret, sizeof key);
  const uint32_t counter[4] = {0, 0x00000007, 0x43424140, 0x47464544};
  std::vector<uint8_t> bytes(64);
  bytes.insert(bytes.end(), kText, kText + sizeof kText - 1);
  CompactChaCha20(bytes.data(), bytes.data(), bytes.size(), key, counter);
  Expect(memcmp(bytes.data(), BytesOf(kOneTimeKey).data(), 32) == 0, kOneTimeKey);
  Expect(std::vector<uint8_t>(bytes.begin() + 64, bytes.end()) == BytesOf(kCiphertext), kCiphertext);
}

}  // namespace

void RunVectors() {
  CheckCipher();
  for (const Vector& vector : kVectors) {
    std::vector<uint8_t> key = BytesOf(vector.r);
    const std::vector<uint8_t> s = BytesOf(vector.s);
    key.insert(key.end(), s.begin(), s.end());
    const std::vector<uint8_t> text = BytesOf(vector.text);
    alignas(64) uint8_t state[128];
    uint8_t tag[16];
    Expect(CompactPolySize() <= sizeof state, "room for the authenticator");
    CompactPolyInit(state, key.data());
    CompactPolyUpdate(state, text.data(), text.size());
    CompactPolyFinal(state, tag);
    Expect(memcmp(tag, BytesOf(vector.tag).data(), sizeof tag) == 0, vector.text);
  }
}

}  // namespace kith
