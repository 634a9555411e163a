// A plane as JavaScript holds it: the core, its threads where it runs, and the way of events to JavaScript.
#pragma once

#include <vector>

#include "args.h"
#include "core.h"
#include "punts.h"
#include "workers.h"

namespace kith {

// Either stepped by JavaScript, with what it sends and writes handed to callbacks at once, or running on threads.
class Plane final : public CoreSink, public ReceiveSink {
 public:
  Plane(napi_env env, const Limits& limits) : env(env), core(this, limits), workers(&core, this) {}

  // Starts the threads: 0 or an errno.
  int Start(const WorkersInit& init);
  // Ends them. No event comes afterwards.
  void Stop();
  // The JavaScript object is gone: frees the plane, as soon as it may be.
  void Collected();

  void Report(const Event& event) override;
  void SendDatagram(const uint8_t* bytes, size_t length, const Endpoint& to) override;
  void WakeChanged() override { workers.Wake(); }
  void Packet(uint8_t* packet, size_t length) override;
  void Forward(uint8_t* frame, size_t length, const Endpoint& hop) override { SendDatagram(frame, length, hop); }

  napi_env env;
  Core core;
  Workers workers;
  // Callbacks: report(kind, now, peer, index, bytes, origin), send(bytes, endpoint), write(packet).
  napi_ref on_report = nullptr;
  napi_ref on_send = nullptr;
  napi_ref on_write = nullptr;

 private:
  static void OnAsync(uv_async_t* async);
  static void OnAsyncClosed(uv_handle_t* handle);
  static void OnCleanup(napi_async_cleanup_hook_handle, void* data);

  void Call(napi_ref callback, size_t count, const napi_value* arguments);
  void Deliver(const Event& event, const uint8_t* bytes);

  bool threaded_ = false;
  bool async_open_ = false;
  bool collected_ = false;
  Punts punts_;
  uv_async_t async_{};
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
};

}  // namespace kith
