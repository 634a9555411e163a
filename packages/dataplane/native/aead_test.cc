// The cipher by itself, for tests.
//
// aead(key, counter, bytes, open, evp) -> sealed bytes, or the plaintext, or null where they are not authentic. `evp`
// keeps from the parts below EVP.
#include <vector>

#include "aead.h"
#include "args.h"

namespace kith {

napi_value AeadForTest(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Bytes key = args.Sized(0, kKeyLength);
  const double counter = args.Number(1);
  const Bytes bytes = args.Array(2);
  const bool open = args.Flag(3);
  const bool evp = args.Flag(4);
  if (!args.fine()) return ThrowType(env, "aead(key, counter, bytes, open, evp)");
  Aead aead(key.data, open ? Aead::Direction::kOpen : Aead::Direction::kSeal,
            evp ? Aead::Means::kEvp : Aead::Means::kBest);
  // As much as the cipher may touch and no more, so that a sanitizer sees a step beyond it.
  std::vector<uint8_t> in(kHeadroom + bytes.size + (open ? 0 : kTagLength), 0xa5);
  if (bytes.size > 0) memcpy(in.data() + kHeadroom, bytes.data, bytes.size);
  const uint64_t number = static_cast<uint64_t>(counter);
  napi_value nothing;
  napi_get_null(env, &nothing);
  if (!open) {
    aead.Seal(number, in.data() + kHeadroom, bytes.size);
    for (size_t i = 0; i < kHeadroom; i++) {
      if (in[i] != 0xa5) return nothing;
    }
    return ToArray(env, in.data() + kHeadroom, bytes.size + kTagLength);
  }
  std::vector<uint8_t> out(in.size());
  if (!aead.Open(number, in.data() + kHeadroom, bytes.size, out.data() + kHeadroom)) return nothing;
  return ToArray(env, out.data() + kHeadroom, bytes.size - kTagLength);
}

}  // namespace kith
