// Entry of the addon: what JavaScript sees.
#include "napi_util.h"

NAPI_MODULE_INIT() {
  kith::SetFunction(env, exports, "openTun", kith::OpenTun);
  kith::SetFunction(env, exports, "openOffloadTun", kith::OpenOffloadTun);
  kith::SetFunction(env, exports, "openUdp", kith::OpenUdpSocket);
  kith::SetFunction(env, exports, "closeDescriptor", kith::CloseDescriptor);
  kith::SetFunction(env, exports, "createPlane", kith::CreatePlane);
  kith::SetFunction(env, exports, "aead", kith::AeadForTest);
  kith::SetFunction(env, exports, "aes", kith::AesForTest);
  kith::SetFunction(env, exports, "prefersAes", kith::PrefersAes);
  kith::SetFunction(env, exports, "segment", kith::SegmentForTest);
  kith::SetFunction(env, exports, "coalesce", kith::CoalesceForTest);
  kith::SetFunction(env, exports, "setCapabilities", kith::SetCapabilities);
  return exports;
}
