// A TUN device on the event loop: when it has packets, up to 64 are read and handed to JavaScript in one call.
//
// openTun(name, mtu, onPackets) -> { fd, name, write(packet) -> boolean, close() }
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "napi_util.h"

namespace kith {
namespace {

constexpr size_t kBatch = 64;
// The longest IP packet. Pages of the scratch area that no packet reaches are never touched.
constexpr size_t kSlot = 65536;

struct Tun {
  napi_env env = nullptr;
  int fd = -1;
  uint8_t* scratch = nullptr;
  uv_poll_t poll{};
  napi_ref on_packets = nullptr;
  napi_async_context context = nullptr;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  // The JavaScript object was collected: nobody else frees this.
  bool collected = false;
  bool closing = false;
  bool closed = false;
};

// Marks the JavaScript objects that are devices, so that a method called on something else throws.
constexpr napi_type_tag kTunTag = {0x6b697468'74756e31, 0x9c0f3a54'd2e17b86};

void OnPollClosed(uv_handle_t* handle) {
  Tun* tun = static_cast<Tun*>(handle->data);
  tun->closed = true;
  // Last: it lets the environment go on with its teardown, which collects the object.
  napi_async_cleanup_hook_handle cleanup = tun->cleanup;
  if (tun->collected) delete tun;
  napi_remove_async_cleanup_hook(cleanup);
}

void Close(Tun* tun) {
  if (tun->closing) return;
  tun->closing = true;
  napi_handle_scope scope;
  napi_open_handle_scope(tun->env, &scope);
  napi_delete_reference(tun->env, tun->on_packets);
  napi_async_destroy(tun->env, tun->context);
  napi_close_handle_scope(tun->env, scope);
  uv_poll_stop(&tun->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&tun->poll), OnPollClosed);
  // Allowed as soon as the handle is stopped; the interface disappears with it.
  ::close(tun->fd);
  tun->fd = -1;
  munmap(tun->scratch, kBatch * kSlot);
}

Tun* Unwrap(napi_env env, napi_value self) {
  bool is_tun = false;
  void* data = nullptr;
  if (self == nullptr || napi_check_object_type_tag(env, self, &kTunTag, &is_tun) != napi_ok || !is_tun ||
      napi_unwrap(env, self, &data) != napi_ok) {
    ThrowType(env, "not a TUN device");
    return nullptr;
  }
  return static_cast<Tun*>(data);
}

void OnCleanup(napi_async_cleanup_hook_handle, void* data) {
  Close(static_cast<Tun*>(data));
}

void OnCollected(napi_env, void* data, void*) {
  Tun* tun = static_cast<Tun*>(data);
  tun->collected = true;
  if (tun->closed) {
    delete tun;
  } else {
    Close(tun);
  }
}

// One ArrayBuffer for the whole batch, with a view for each packet.
napi_value BatchOf(napi_env env, const Tun* tun, const size_t* lengths, size_t count, size_t total) {
  void* bytes = nullptr;
  napi_value buffer, array;
  if (napi_create_arraybuffer(env, total, &bytes, &buffer) != napi_ok) return nullptr;
  if (napi_create_array_with_length(env, count, &array) != napi_ok) return nullptr;
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    memcpy(static_cast<uint8_t*>(bytes) + at, tun->scratch + i * kSlot, lengths[i]);
    napi_value view;
    if (napi_create_typedarray(env, napi_uint8_array, lengths[i], buffer, at, &view) != napi_ok) return nullptr;
    if (napi_set_element(env, array, static_cast<uint32_t>(i), view) != napi_ok) return nullptr;
    at += lengths[i];
  }
  return array;
}

void OnReadable(uv_poll_t* handle, int status, int) {
  Tun* tun = static_cast<Tun*>(handle->data);
  // An interface that was deleted under us reports POLLERR for ever: stop looking at it.
  bool failed = status < 0;
  size_t lengths[kBatch];
  size_t count = 0;
  size_t total = 0;
  while (!failed && count < kBatch) {
    ssize_t n = ::read(tun->fd, tun->scratch + count * kSlot, kSlot);
    if (n > 0) {
      lengths[count++] = static_cast<size_t>(n);
      total += static_cast<size_t>(n);
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else {
      failed = !(n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
      break;
    }
  }
  if (failed) uv_poll_stop(&tun->poll);
  if (count == 0 && !failed) return;

  napi_env env = tun->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver, result;
  napi_value arguments[2];
  arguments[0] = BatchOf(env, tun, lengths, count, total);
  napi_get_boolean(env, failed, &arguments[1]);
  if (arguments[0] != nullptr && napi_get_reference_value(env, tun->on_packets, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_make_callback(env, tun->context, receiver, callback, 2, arguments, &result) == napi_pending_exception) {
    napi_value error;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

napi_value Write(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value packet;
  napi_value self = nullptr;
  napi_get_cb_info(env, info, &argc, &packet, &self, nullptr);
  Tun* tun = Unwrap(env, self);
  if (tun == nullptr) return nullptr;
  napi_typedarray_type type;
  size_t length = 0;
  void* bytes = nullptr;
  if (argc < 1 || napi_get_typedarray_info(env, packet, &type, &length, &bytes, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    return ThrowType(env, "write(packet) takes a Uint8Array");
  }
  ssize_t n = -1;
  if (!tun->closing) {
    do {
      n = ::write(tun->fd, bytes, length);
    } while (n < 0 && errno == EINTR);
  }
  napi_value written;
  napi_get_boolean(env, n >= 0 && static_cast<size_t>(n) == length, &written);
  return written;
}

napi_value CloseMethod(napi_env env, napi_callback_info info) {
  napi_value self = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr);
  Tun* tun = Unwrap(env, self);
  if (tun != nullptr) Close(tun);
  return nullptr;
}

}  // namespace

int SetMtu(const char* name, int mtu) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ifreq request{};
  memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
  request.ifr_mtu = mtu;
  int error = ioctl(fd, SIOCSIFMTU, &request) < 0 ? errno : 0;
  ::close(fd);
  return error;
}

napi_value OpenTun(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  char name[IFNAMSIZ + 1];
  size_t name_length = 0;
  int32_t mtu = 0;
  napi_valuetype type = napi_undefined;
  if (argc < 3 || napi_get_value_string_utf8(env, argv[0], name, sizeof name, &name_length) != napi_ok ||
      napi_get_value_int32(env, argv[1], &mtu) != napi_ok || napi_typeof(env, argv[2], &type) != napi_ok ||
      type != napi_function) {
    return ThrowType(env, "openTun(name, mtu, onPackets)");
  }
  if (name_length >= IFNAMSIZ) return ThrowErrno(env, "TUNSETIFF", ENAMETOOLONG);

  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return ThrowErrno(env, "open", errno);
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  memcpy(request.ifr_name, name, name_length);
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    int error = errno;
    ::close(fd);
    return ThrowErrno(env, "TUNSETIFF", error);
  }
  int error = SetMtu(request.ifr_name, mtu);
  if (error != 0) {
    ::close(fd);
    return ThrowErrno(env, "SIOCSIFMTU", error);
  }
  void* scratch = mmap(nullptr, kBatch * kSlot, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (scratch == MAP_FAILED) {
    error = errno;
    ::close(fd);
    return ThrowErrno(env, "mmap", error);
  }

  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  Tun* tun = new Tun();
  tun->env = env;
  tun->fd = fd;
  tun->scratch = static_cast<uint8_t*>(scratch);
  tun->poll.data = tun;
  error = -uv_poll_init(loop, &tun->poll, fd);
  if (error != 0) {
    munmap(scratch, kBatch * kSlot);
    ::close(fd);
    delete tun;
    return ThrowErrno(env, "uv_poll_init", error);
  }

  napi_value resource_name, device, fd_value, name_value;
  napi_create_string_utf8(env, "kith:tun", NAPI_AUTO_LENGTH, &resource_name);
  napi_create_object(env, &device);
  napi_async_init(env, nullptr, resource_name, &tun->context);
  napi_create_reference(env, argv[2], 1, &tun->on_packets);
  napi_add_async_cleanup_hook(env, OnCleanup, tun, &tun->cleanup);
  napi_create_int32(env, fd, &fd_value);
  napi_create_string_utf8(env, request.ifr_name, NAPI_AUTO_LENGTH, &name_value);
  napi_set_named_property(env, device, "fd", fd_value);
  napi_set_named_property(env, device, "name", name_value);
  SetFunction(env, device, "write", Write);
  SetFunction(env, device, "close", CloseMethod);
  napi_type_tag_object(env, device, &kTunTag);
  napi_wrap(env, device, tun, OnCollected, nullptr, nullptr);
  uv_poll_start(&tun->poll, UV_READABLE, OnReadable);
  return device;
}

}  // namespace kith
