// Arguments of a call from JavaScript, checked as they are read.
#pragma once

#include "napi_util.h"

namespace kith {

struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
  bool null = true;
};

class Args {
 public:
  Args(napi_env env, napi_callback_info info) : env_(env) {
    napi_get_cb_info(env, info, &count_, values_, &self_, nullptr);
  }

  // Whether all that was read had the type it was read as.
  bool fine() const { return fine_; }
  napi_value self() const { return self_; }
  napi_value at(size_t i) const { return values_[i]; }

  double Number(size_t i) {
    double value = 0;
    Check(i < count_ && napi_get_value_double(env_, values_[i], &value) == napi_ok);
    return value;
  }

  uint32_t Unsigned(size_t i) { return static_cast<uint32_t>(static_cast<int64_t>(Number(i))); }

  bool Flag(size_t i) {
    bool value = false;
    Check(i < count_ && napi_get_value_bool(env_, values_[i], &value) == napi_ok);
    return value;
  }

  Bytes Array(size_t i) {
    Bytes bytes = ArrayOrNull(i);
    Check(!bytes.null);
    return bytes;
  }

  Bytes Sized(size_t i, size_t size) {
    Bytes bytes = Array(i);
    Check(bytes.size == size);
    return bytes;
  }

  Bytes ArrayOrNull(size_t i) {
    Bytes bytes;
    napi_valuetype type = napi_undefined;
    if (i >= count_ || napi_typeof(env_, values_[i], &type) != napi_ok || type == napi_undefined) {
      fine_ = false;
      return bytes;
    }
    if (type == napi_null) return bytes;
    napi_typedarray_type kind;
    void* data = nullptr;
    bytes.null = false;
    Check(napi_get_typedarray_info(env_, values_[i], &kind, &bytes.size, &data, nullptr, nullptr) == napi_ok &&
          kind == napi_uint8_array);
    if (!fine_) bytes.size = 0;
    bytes.data = static_cast<const uint8_t*>(data);
    return bytes;
  }

  void Check(bool condition) { fine_ = fine_ && condition; }

 private:
  napi_env env_;
  size_t count_ = 10;
  napi_value values_[10];
  napi_value self_ = nullptr;
  bool fine_ = true;
};

inline napi_value ToArray(napi_env env, const uint8_t* bytes, size_t size) {
  void* data = nullptr;
  napi_value buffer, array;
  napi_create_arraybuffer(env, size, &data, &buffer);
  if (size > 0) memcpy(data, bytes, size);
  napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &array);
  return array;
}

inline napi_value ToNumber(napi_env env, double value) {
  napi_value number;
  napi_create_double(env, value, &number);
  return number;
}

inline napi_value ToNumbers(napi_env env, const double* values, size_t count) {
  napi_value array;
  napi_create_array_with_length(env, count, &array);
  for (size_t i = 0; i < count; i++) napi_set_element(env, array, static_cast<uint32_t>(i), ToNumber(env, values[i]));
  return array;
}

}  // namespace kith
