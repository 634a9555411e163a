// What the plane reads and writes besides ciphertext; layouts in src/portable/wire.ts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes.h"

namespace kith {

constexpr uint8_t kTypeTransport = 4;
constexpr uint8_t kTypeRelay = 5;
// A transport message but for its type and its cipher, which is AES-256-GCM.
constexpr uint8_t kTypeAesTransport = 6;
constexpr size_t kRelayHeader = 20;
constexpr size_t kTransportHeader = 16;
constexpr size_t kPadding = 16;
// Header and tag: a transport message without plaintext.
constexpr size_t kKeepAliveLength = 32;
constexpr size_t kLongestHandshake = 148;
// A session seals and opens counters below this, see REJECT_AFTER_MESSAGES of @kith/wireguard.
constexpr uint64_t kRejectAfterMessages = (uint64_t{1} << 53) - (uint64_t{1} << 13) - 1;

constexpr size_t Padded(size_t length) { return (length + kPadding - 1) / kPadding * kPadding; }

enum class MessageKind { kMalformed, kHandshake, kTransport };

inline MessageKind KindOf(const uint8_t* message, size_t length) {
  if (length < kKeepAliveLength) return MessageKind::kMalformed;
  switch (ReadLE32(message)) {
    case 1: return length == kLongestHandshake ? MessageKind::kHandshake : MessageKind::kMalformed;
    case 2: return length == 92 ? MessageKind::kHandshake : MessageKind::kMalformed;
    case 3: return length == 64 ? MessageKind::kHandshake : MessageKind::kMalformed;
    case kTypeTransport:
    case kTypeAesTransport: return MessageKind::kTransport;
    default: return MessageKind::kMalformed;
  }
}

// Length of the IP packet at the start of `bytes` by its own header; 0 where it is none or is cut off.
inline size_t PacketLength(const uint8_t* bytes, size_t size) {
  const int version = size > 0 ? bytes[0] >> 4 : 0;
  if (version == 4 && size >= 20) {
    const size_t length = ReadBE16(bytes + 2);
    return length >= 20 && length <= size ? length : 0;
  }
  if (version == 6 && size >= 40) {
    const size_t length = 40 + size_t{ReadBE16(bytes + 4)};
    return length <= size ? length : 0;
  }
  return 0;
}

// Length of the body of a framed control payload, which stands from byte 3 on; -1 where the frame is malformed.
inline int ControlBody(const uint8_t* plaintext, size_t size, size_t limit) {
  if (size < 3) return -1;
  const size_t length = ReadBE16(plaintext + 1);
  const size_t end = 3 + length;
  if (plaintext[0] < 0x01 || plaintext[0] > 0x0f || length > limit || end > size || size - end >= kPadding) return -1;
  for (size_t i = end; i < size; i++) {
    if (plaintext[i] != 0) return -1;
  }
  return static_cast<int>(length);
}

}  // namespace kith
