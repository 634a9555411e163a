// Devices and sockets for a running plane, as bare descriptors.
//
// openOffloadTun(name, mtu, offloads) -> { fd, name, uso }
// openUdp(family, port, loopback, offloads) -> { fd, port, buffer }
// closeDescriptor(fd)
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "args.h"
#include "port.h"
#include "segment.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace kith {
namespace {

napi_value Failed(napi_env env, int fd, const char* syscall) {
  const int error = errno;
  ::close(fd);
  return ThrowErrno(env, syscall, error);
}

}  // namespace

napi_value OpenOffloadTun(napi_env env, napi_callback_info info) {
  Args args(env, info);
  char name[IFNAMSIZ + 1] = {};
  size_t length = 0;
  args.Check(napi_get_value_string_utf8(env, args.at(0), name, sizeof name, &length) == napi_ok);
  const double mtu = args.Number(1);
  const bool offloads = args.Flag(2);
  if (!args.fine()) return ThrowType(env, "openOffloadTun(name, mtu, offloads)");
  if (length >= IFNAMSIZ) return ThrowErrno(env, "TUNSETIFF", ENAMETOOLONG);

  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return ThrowErrno(env, "open", errno);
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  memcpy(request.ifr_name, name, length);
  if (ioctl(fd, TUNSETIFF, &request) < 0) return Failed(env, fd, "TUNSETIFF");
  int header = sizeof(VnetHeader);
  if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0) return Failed(env, fd, "TUNSETVNETHDRSZ");
  // The kernel takes all of them or none; without any it cuts packets and completes checksums itself.
  constexpr unsigned kTcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  const bool uso = offloads && ioctl(fd, TUNSETOFFLOAD, kTcp | TUN_F_USO4 | TUN_F_USO6) == 0;
  if (!uso && (!offloads || ioctl(fd, TUNSETOFFLOAD, kTcp) < 0)) ioctl(fd, TUNSETOFFLOAD, 0);
  const int error = SetMtu(request.ifr_name, static_cast<int>(mtu));
  if (error != 0) {
    errno = error;
    return Failed(env, fd, "SIOCSIFMTU");
  }
  napi_value out, value;
  napi_create_object(env, &out);
  napi_set_named_property(env, out, "fd", ToNumber(env, fd));
  napi_create_string_utf8(env, request.ifr_name, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, out, "name", value);
  napi_get_boolean(env, uso, &value);
  napi_set_named_property(env, out, "uso", value);
  return out;
}

napi_value OpenUdpSocket(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const double family = args.Number(0);
  const double port = args.Number(1);
  const bool loopback = args.Flag(2);
  const bool offloads = args.Flag(3);
  args.Check((family == 4 || family == 6) && port >= 0 && port <= 65535);
  if (!args.fine()) return ThrowType(env, "openUdp(family, port, loopback, offloads)");
  uint16_t bound = 0;
  int buffer = 0;
  const int fd =
      OpenUdp(family == 6 ? AF_INET6 : AF_INET, static_cast<uint16_t>(port), loopback, offloads, &bound, &buffer);
  if (fd < 0) return ThrowErrno(env, "bind", -fd);
  napi_value out;
  napi_create_object(env, &out);
  napi_set_named_property(env, out, "fd", ToNumber(env, fd));
  napi_set_named_property(env, out, "port", ToNumber(env, bound));
  napi_set_named_property(env, out, "buffer", ToNumber(env, buffer));
  return out;
}

napi_value CloseDescriptor(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const double fd = args.Number(0);
  if (!args.fine() || fd < 3) return ThrowType(env, "closeDescriptor(fd)");
  ::close(static_cast<int>(fd));
  return nullptr;
}

}  // namespace kith
