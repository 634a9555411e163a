// An address with a port. As bytes it is address(4 or 16) port(2), big endian, like in @kith/core.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <functional>

namespace kith {

struct Endpoint {
  static constexpr size_t kMaxBytes = 18;

  // 0 (none), 6 or 18.
  uint8_t length = 0;
  uint8_t bytes[kMaxBytes] = {};

  bool v6() const { return length == kMaxBytes; }

  bool operator==(const Endpoint& other) const {
    return length == other.length && memcmp(bytes, other.bytes, length) == 0;
  }
  bool operator!=(const Endpoint& other) const { return !(*this == other); }

  static bool From(const uint8_t* data, size_t size, Endpoint* out) {
    if (size != 6 && size != kMaxBytes) return false;
    out->length = static_cast<uint8_t>(size);
    memcpy(out->bytes, data, size);
    return true;
  }

  // False for what cannot be answered: port 0, and link-local addresses of IPv6, which need a zone.
  static bool From(const sockaddr_storage& from, Endpoint* out) {
    if (from.ss_family == AF_INET) {
      const sockaddr_in& in = reinterpret_cast<const sockaddr_in&>(from);
      out->length = 6;
      memcpy(out->bytes, &in.sin_addr, 4);
      memcpy(out->bytes + 4, &in.sin_port, 2);
      return in.sin_port != 0;
    }
    if (from.ss_family == AF_INET6) {
      const sockaddr_in6& in = reinterpret_cast<const sockaddr_in6&>(from);
      out->length = kMaxBytes;
      memcpy(out->bytes, &in.sin6_addr, 16);
      memcpy(out->bytes + 16, &in.sin6_port, 2);
      return in.sin6_port != 0 && !IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr);
    }
    return false;
  }

  socklen_t To(sockaddr_storage* out) const {
    memset(out, 0, sizeof(sockaddr_in6));
    if (v6()) {
      sockaddr_in6& in = reinterpret_cast<sockaddr_in6&>(*out);
      in.sin6_family = AF_INET6;
      memcpy(&in.sin6_addr, bytes, 16);
      memcpy(&in.sin6_port, bytes + 16, 2);
      return sizeof(sockaddr_in6);
    }
    sockaddr_in& in = reinterpret_cast<sockaddr_in&>(*out);
    in.sin_family = AF_INET;
    memcpy(&in.sin_addr, bytes, 4);
    memcpy(&in.sin_port, bytes + 4, 2);
    return sizeof(sockaddr_in);
  }
};

struct EndpointHash {
  size_t operator()(const Endpoint& endpoint) const {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < endpoint.length; i++) hash = (hash ^ endpoint.bytes[i]) * 0x100000001b3;
    return static_cast<size_t>(hash);
  }
};

// Where a datagram came from; `src` is what a relay frame claims.
struct Origin {
  bool relay = false;
  Endpoint endpoint;
  uint8_t src[8] = {};

  bool SameWay(const Origin& other) const { return relay == other.relay && endpoint == other.endpoint; }
};

// Where datagrams go and the relay header that stands before them.
struct Way {
  bool known = false;
  uint8_t header_length = 0;
  Endpoint endpoint;
  uint8_t header[20] = {};
};

}  // namespace kith
