#include "plane.h"

namespace kith {
namespace {

// relay(1) length(1) endpoint(6 or 18), and where it is relayed src(8).
napi_value OriginOf(napi_env env, const Origin& origin) {
  uint8_t bytes[2 + Endpoint::kMaxBytes + 8];
  bytes[0] = origin.relay ? 1 : 0;
  bytes[1] = origin.endpoint.length;
  memcpy(bytes + 2, origin.endpoint.bytes, origin.endpoint.length);
  size_t size = 2 + size_t{origin.endpoint.length};
  if (origin.relay) {
    memcpy(bytes + size, origin.src, 8);
    size += 8;
  }
  return ToArray(env, bytes, size);
}

}  // namespace

int Plane::Start(const WorkersInit& init) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  const int refused = uv_async_init(loop, &async_, OnAsync);
  if (refused != 0) return -refused;
  async_.data = this;
  async_open_ = true;
  threaded_ = true;
  napi_value name;
  napi_create_string_utf8(env, "kith:plane", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, nullptr, name, &context_);
  napi_add_async_cleanup_hook(env, OnCleanup, this, &cleanup_);
  const int error = workers.Start(init);
  if (error != 0) Stop();
  return error;
}

void Plane::Stop() {
  workers.Stop();
  if (!async_open_) return;
  async_open_ = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&async_), OnAsyncClosed);
}

void Plane::OnAsyncClosed(uv_handle_t* handle) {
  Plane* plane = static_cast<Plane*>(handle->data);
  const napi_async_cleanup_hook_handle cleanup = plane->cleanup_;
  plane->cleanup_ = nullptr;
  // Not in Stop: a callback that runs in this context may have called it.
  napi_handle_scope scope;
  napi_open_handle_scope(plane->env, &scope);
  napi_async_destroy(plane->env, plane->context_);
  napi_close_handle_scope(plane->env, scope);
  if (plane->collected_) delete plane;
  // Last: it lets the environment go on with its teardown, which collects the object.
  napi_remove_async_cleanup_hook(cleanup);
}

void Plane::OnCleanup(napi_async_cleanup_hook_handle, void* data) { static_cast<Plane*>(data)->Stop(); }

void Plane::Collected() {
  for (napi_ref reference : {on_report, on_send, on_write}) {
    if (reference != nullptr) napi_delete_reference(env, reference);
  }
  on_report = on_send = on_write = nullptr;
  collected_ = true;
  Stop();
  if (cleanup_ == nullptr) delete this;
}

void Plane::OnAsync(uv_async_t* async) {
  Plane* plane = static_cast<Plane*>(async->data);
  napi_handle_scope scope;
  napi_open_handle_scope(plane->env, &scope);
  for (const Punt& punt : plane->punts_.Take()) {
    // An event may have stopped the plane.
    if (plane->async_open_) plane->Deliver(punt.event, punt.bytes.data());
  }
  napi_close_handle_scope(plane->env, scope);
}

void Plane::Report(const Event& event) {
  if (!threaded_) Deliver(event, event.bytes);
  else if (async_open_ && punts_.Push(event)) uv_async_send(&async_);
}

void Plane::SendDatagram(const uint8_t* bytes, size_t length, const Endpoint& to) {
  if (threaded_) {
    workers.port().SendNow(bytes, length, to);
    return;
  }
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  const napi_value arguments[2] = {ToArray(env, bytes, length), ToArray(env, to.bytes, to.length)};
  Call(on_send, 2, arguments);
  napi_close_handle_scope(env, scope);
}

void Plane::Packet(uint8_t* packet, size_t length) {
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  const napi_value packets[1] = {ToArray(env, packet, length)};
  Call(on_write, 1, packets);
  napi_close_handle_scope(env, scope);
}

void Plane::Deliver(const Event& event, const uint8_t* bytes) {
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value nothing;
  napi_get_null(env, &nothing);
  const napi_value arguments[6] = {
      ToNumber(env, static_cast<double>(event.kind)),
      ToNumber(env, event.now),
      ToNumber(env, static_cast<double>(event.peer)),
      ToNumber(env, event.index),
      event.length == 0 ? nothing : ToArray(env, bytes, event.length),
      event.origin.endpoint.length == 0 ? nothing : OriginOf(env, event.origin),
  };
  Call(on_report, 6, arguments);
  napi_close_handle_scope(env, scope);
}

// An error that a callback throws reaches the caller of a step, or the process where threads run.
void Plane::Call(napi_ref callback, size_t count, const napi_value* arguments) {
  napi_value function, receiver, result;
  if (callback == nullptr || napi_get_reference_value(env, callback, &function) != napi_ok || function == nullptr) return;
  napi_get_global(env, &receiver);
  if (!threaded_) {
    napi_call_function(env, receiver, function, count, arguments, &result);
  } else if (napi_make_callback(env, context_, receiver, function, count, arguments, &result) == napi_pending_exception) {
    napi_value error;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
}

}  // namespace kith
