// Small helpers over Node-API that every file of the addon uses.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace kith {

// Throws an Error whose `code` is the name of `error` (EPERM) and whose `syscall` names what failed.
inline napi_value ThrowErrno(napi_env env, const char* syscall, int error) {
  std::string text = std::string(syscall) + ": " + strerror(error);
  napi_value code, message, object, call;
  napi_create_string_utf8(env, uv_err_name(-error), NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, text.c_str(), text.size(), &message);
  napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &call);
  napi_create_error(env, code, message, &object);
  napi_set_named_property(env, object, "syscall", call);
  napi_throw(env, object);
  return nullptr;
}

inline napi_value ThrowType(napi_env env, const char* message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return nullptr;
}

inline void SetFunction(napi_env env, napi_value object, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, object, name, function);
}

// Sets the MTU of an interface in the network namespace of the calling thread. Returns 0 or an errno.
int SetMtu(const char* name, int mtu);

napi_value OpenTun(napi_env env, napi_callback_info info);
napi_value OpenOffloadTun(napi_env env, napi_callback_info info);
napi_value OpenUdpSocket(napi_env env, napi_callback_info info);
napi_value CloseDescriptor(napi_env env, napi_callback_info info);
napi_value CreatePlane(napi_env env, napi_callback_info info);
napi_value AeadForTest(napi_env env, napi_callback_info info);
napi_value AesForTest(napi_env env, napi_callback_info info);
napi_value PrefersAes(napi_env env, napi_callback_info info);
napi_value SegmentForTest(napi_env env, napi_callback_info info);
napi_value CoalesceForTest(napi_env env, napi_callback_info info);
napi_value SetCapabilities(napi_env env, napi_callback_info info);

}  // namespace kith
