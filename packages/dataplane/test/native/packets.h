// IP packets whose payload tells where it belongs: every byte follows from a stream's salt and the byte's place in it.
#pragma once

#include <cstdint>
#include <vector>

#include "bytes.h"
#include "checksum.h"
#include "segment.h"

namespace kith {

constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;

inline uint8_t ContentAt(uint32_t salt, uint32_t place) {
  return static_cast<uint8_t>((place * 0x9e3779b1u ^ salt * 0x85ebca6bu) >> 13);
}

// Member `n` is 10.0.0.n and fd00::n.
inline void WriteAddress(uint8_t* at, bool six, uint8_t n) {
  memset(at, 0, six ? 16 : 4);
  at[0] = six ? 0xfd : 10;
  at[six ? 15 : 3] = n;
}

struct Flow {
  uint8_t from, to;
  bool six;
  bool tcp;

  size_t headers() const { return (six ? 40u : 20u) + (tcp ? 20u : 8u); }
  uint32_t salt() const { return from * 251u + to * 17u + (six ? 2 : 0) + (tcp ? 1 : 0); }
};

// Packet of `flow` with `length` bytes of payload from `place` on. With `segment` it is a super-packet to be cut into
// such pieces. The VnetHeader stands before it. A datagram of UDP carries its place in its first four bytes.
inline std::vector<uint8_t> MakePacket(const Flow& flow, uint32_t place, size_t length, size_t segment) {
  const size_t ip = flow.six ? 40 : 20;
  const size_t size = flow.headers() + length;
  std::vector<uint8_t> out(sizeof(VnetHeader) + size);
  uint8_t* const packet = out.data() + sizeof(VnetHeader);
  uint8_t* const transport = packet + ip;
  const uint8_t protocol = flow.tcp ? kTcp : kUdp;
  if (flow.six) {
    packet[0] = 0x60;
    WriteBE16(packet + 4, static_cast<uint32_t>(size - 40));
    packet[6] = protocol;
    packet[7] = 64;
  } else {
    packet[0] = 0x45;
    WriteBE16(packet + 2, static_cast<uint32_t>(size));
    packet[6] = 0x40;
    packet[8] = 64;
    packet[9] = protocol;
  }
  WriteAddress(packet + (flow.six ? 8 : 12), flow.six, flow.from);
  WriteAddress(packet + (flow.six ? 24 : 16), flow.six, flow.to);
  if (!flow.six) WriteBE16(packet + 10, static_cast<uint16_t>(~ChecksumFold(ChecksumSum(packet, 20))));
  WriteBE16(transport, 7000);
  WriteBE16(transport + 2, 7001);
  if (flow.tcp) {
    WriteBE32(transport + 4, place);
    transport[12] = 0x50;
    transport[13] = 0x10;
    WriteBE16(transport + 14, 1000);
  } else {
    WriteBE16(transport + 4, static_cast<uint32_t>(size - ip));
  }
  uint8_t* const payload = packet + flow.headers();
  for (size_t i = 0; i < length; i++) payload[i] = ContentAt(flow.salt(), place + static_cast<uint32_t>(i));
  if (!flow.tcp) {
    const size_t each = segment == 0 ? length : segment;
    for (size_t at = 0; at + 4 <= length; at += each) WriteBE32(payload + at, place + static_cast<uint32_t>(at));
  }
  VnetHeader header{};
  header.flags = kVnetNeedsChecksum;
  header.csum_start = static_cast<uint16_t>(ip);
  header.csum_offset = flow.tcp ? 16 : 6;
  header.header_length = static_cast<uint16_t>(flow.headers());
  if (segment != 0) {
    header.gso_type = flow.tcp ? (flow.six ? kGsoTcp6 : kGsoTcp4) : kGsoUdp;
    header.gso_size = static_cast<uint16_t>(segment);
  }
  WriteBE16(transport + header.csum_offset, ChecksumFold(PseudoHeaderSum(packet, protocol, size - ip)));
  memcpy(out.data(), &header, sizeof header);
  return out;
}

// Checks what a plane wrote to its TUN: lengths, checksums, every byte of the content. Bytes of payload; -1 where
// anything is wrong.
inline long CheckWritten(const uint8_t* bytes, size_t size) {
  if (size < sizeof(VnetHeader) + 28) return -1;
  VnetHeader header;
  memcpy(&header, bytes, sizeof header);
  std::vector<uint8_t> whole(bytes + sizeof header, bytes + size);
  Segments segments;
  if (!segments.Parse(header, whole.data(), whole.size())) return -1;
  long total = 0;
  for (size_t n = 0; n < segments.count(); n++) {
    std::vector<uint8_t> packet(segments.Length(n));
    segments.Write(n, packet.data());
    Flow flow{};
    flow.six = packet[0] >> 4 == 6;
    const size_t ip = flow.six ? 40 : 20;
    const uint8_t protocol = packet[flow.six ? 6 : 9];
    if (packet.size() < ip + 8 || (protocol != kTcp && protocol != kUdp)) return -1;
    flow.tcp = protocol == kTcp;
    flow.from = packet[flow.six ? 23 : 15];
    flow.to = packet[flow.six ? 39 : 19];
    if (packet.size() < flow.headers()) return -1;
    if (!flow.six && ChecksumFold(ChecksumSum(packet.data(), 20)) != 0xffff) return -1;
    const uint64_t pseudo = PseudoHeaderSum(packet.data(), protocol, packet.size() - ip);
    if (ChecksumFold(pseudo + ChecksumSum(packet.data() + ip, packet.size() - ip)) != 0xffff) return -1;
    const uint8_t* payload = packet.data() + flow.headers();
    const size_t length = packet.size() - flow.headers();
    const size_t skipped = flow.tcp ? 0 : 4;
    if (length < skipped) return -1;
    const uint32_t place = ReadBE32(flow.tcp ? packet.data() + ip + 4 : payload);
    for (size_t i = skipped; i < length; i++) {
      if (payload[i] != ContentAt(flow.salt(), place + static_cast<uint32_t>(i))) return -1;
    }
    total += static_cast<long>(length);
  }
  return total;
}

}  // namespace kith
