// Entry of the addon: what JavaScript sees.
#include "napi_util.h"

NAPI_MODULE_INIT() {
  kith::SetFunction(env, exports, "openTun", kith::OpenTun);
  kith::SetFunction(env, exports, "setCapabilities", kith::SetCapabilities);
  return exports;
}
