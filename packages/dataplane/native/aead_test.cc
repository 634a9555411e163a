// The ciphers by themselves, for tests.
//
// aead(key, counter, bytes, open, evp, lone) -> sealed bytes, or the plaintext, or null where they are not authentic.
// `evp` keeps from the parts below EVP. aes(key, counter, bytes, open) is AES-256-GCM.
#include <vector>

#include "aes.h"
#include "args.h"

namespace kith {
namespace {

template <typename Key, typename... Lone>
napi_value Run(napi_env env, Key* key, uint64_t counter, const Bytes& bytes, bool open, Lone... lone) {
  // As much as the cipher may touch and no more, so that a sanitizer sees a step beyond it.
  std::vector<uint8_t> in(kHeadroom + bytes.size + (open ? 0 : kTagLength), 0xa5);
  if (bytes.size > 0) memcpy(in.data() + kHeadroom, bytes.data, bytes.size);
  napi_value nothing;
  napi_get_null(env, &nothing);
  if (!open) {
    key->Seal(counter, in.data() + kHeadroom, bytes.size, lone...);
    for (size_t i = 0; i < kHeadroom; i++) {
      if (in[i] != 0xa5) return nothing;
    }
    return ToArray(env, in.data() + kHeadroom, bytes.size + kTagLength);
  }
  std::vector<uint8_t> out(in.size());
  if (!key->Open(counter, in.data() + kHeadroom, bytes.size, out.data() + kHeadroom, lone...)) return nothing;
  return ToArray(env, out.data() + kHeadroom, bytes.size - kTagLength);
}

Aead::Direction DirectionOf(bool open) { return open ? Aead::Direction::kOpen : Aead::Direction::kSeal; }

}  // namespace

napi_value AeadForTest(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Bytes key = args.Sized(0, kKeyLength);
  const double counter = args.Number(1);
  const Bytes bytes = args.Array(2);
  const bool open = args.Flag(3);
  const bool evp = args.Flag(4);
  const bool lone = args.Flag(5);
  if (!args.fine()) return ThrowType(env, "aead(key, counter, bytes, open, evp, lone)");
  Aead aead(key.data, DirectionOf(open), evp ? Aead::Means::kEvp : Aead::Means::kBest);
  return Run(env, &aead, static_cast<uint64_t>(counter), bytes, open, lone);
}

napi_value AesForTest(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Bytes key = args.Sized(0, kKeyLength);
  const double counter = args.Number(1);
  const Bytes bytes = args.Array(2);
  const bool open = args.Flag(3);
  if (!args.fine()) return ThrowType(env, "aes(key, counter, bytes, open)");
  AesGcm aes(key.data, DirectionOf(open));
  return Run(env, &aes, static_cast<uint64_t>(counter), bytes, open);
}

// Whether AES-256-GCM is the faster cipher here.
napi_value PrefersAes(napi_env env, napi_callback_info) {
  napi_value prefers;
  napi_get_boolean(env, AesGcm::IsFaster(), &prefers);
  return prefers;
}

}  // namespace kith
