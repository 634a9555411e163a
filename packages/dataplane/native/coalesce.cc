#include "coalesce.h"

#include <cstring>

#include "bytes.h"
#include "checksum.h"

namespace kith {
namespace {

constexpr uint8_t kProtocolTcp = 6;
constexpr uint8_t kProtocolUdp = 17;
constexpr uint8_t kTcpFin = 0x01;
constexpr uint8_t kTcpPush = 0x08;
constexpr uint8_t kTcpAck = 0x10;
constexpr size_t kLongestPacket = 65535;

bool ChecksumFits(const uint8_t* packet, size_t length, size_t transport, bool tcp) {
  const size_t rest = length - transport;
  const uint64_t sum = PseudoHeaderSum(packet, tcp ? kProtocolTcp : kProtocolUdp, rest);
  return ChecksumFold(sum + ChecksumSum(packet + transport, rest)) == 0xffff;
}

}  // namespace

// Only plain packets are merged: no options or extension headers of IP, no fragments, and of TCP only data.
bool Coalescer::FlowOf(const uint8_t* packet, size_t length, Flow* flow) const {
  uint8_t protocol;
  if (length >= 20 && packet[0] == 0x45) {
    // Neither "more fragments" nor an offset.
    if ((ReadBE16(packet + 6) & 0xbfff) != 0) return false;
    if (ChecksumFold(ChecksumSum(packet, 20)) != 0xffff) return false;
    protocol = packet[9];
    flow->transport = 20;
  } else if (packet[0] >> 4 == 6 && length >= 40) {
    protocol = packet[6];
    flow->transport = 40;
  } else {
    return false;
  }
  flow->tcp = protocol == kProtocolTcp;
  if (flow->tcp) {
    if (!tcp_ || length < flow->transport + 20) return false;
    flow->headers = flow->transport + size_t{packet[flow->transport + 12]} / 16 * 4;
    return flow->headers >= flow->transport + 20 && flow->headers <= length;
  }
  flow->headers = flow->transport + 8;
  if (!udp_ || protocol != kProtocolUdp || length <= flow->headers) return false;
  const uint8_t* udp = packet + flow->transport;
  return ReadBE16(udp + 4) == length - flow->transport && ReadBE16(udp + 6) != 0;
}

bool Coalescer::SameFlow(const Group& group, const uint8_t* packet, const Flow& flow) const {
  if (group.transport != flow.transport || group.tcp != flow.tcp) return false;
  const size_t addresses = flow.transport == 20 ? 12 : 8;
  // Addresses end where the transport header with its ports begins.
  return memcmp(group.packet + addresses, packet + addresses, flow.transport - addresses + 4) == 0;
}

bool Coalescer::Joins(Group* group, const uint8_t* packet, size_t length, const Flow& flow) const {
  const uint8_t* first = group->packet;
  const size_t payload = length - flow.headers;
  if (group->closed || group->headers != flow.headers || group->count >= static_cast<int>(kPieces)) return false;
  if (payload == 0 || payload > group->segment || group->length + payload > kLongestPacket) return false;
  if (flow.transport == 20) {
    // Type of service, "don't fragment", time to live.
    if (first[1] != packet[1] || first[6] != packet[6] || first[8] != packet[8]) return false;
    if ((packet[6] & 0x40) == 0 && ReadBE16(packet + 4) != group->next_id) return false;
  } else if (memcmp(first, packet, 4) != 0 || first[7] != packet[7]) {
    // Traffic class and flow label, hop limit.
    return false;
  }
  if (flow.tcp) {
    const uint8_t* a = first + flow.transport;
    const uint8_t* b = packet + flow.transport;
    if (ReadBE32(b + 4) != group->next_seq || memcmp(a + 8, b + 8, 5) != 0 || memcmp(a + 14, b + 14, 2) != 0) return false;
    if ((b[13] & static_cast<uint8_t>(~(kTcpPush | kTcpFin))) != kTcpAck || ReadBE16(b + 18) != 0) return false;
    if (memcmp(a + 20, b + 20, flow.headers - flow.transport - 20) != 0) return false;
  }
  if (!group->verified) {
    if (!ChecksumFits(first, group->length, group->transport, group->tcp)) return false;
    group->verified = true;
  }
  return ChecksumFits(packet, length, flow.transport, flow.tcp);
}

void Coalescer::Join(Group* group, uint8_t* packet, size_t length) {
  const size_t payload = length - group->headers;
  group->pieces[group->count++] = {packet + group->headers, payload};
  group->length += payload;
  group->next_seq += static_cast<uint32_t>(payload);
  group->next_id = static_cast<uint16_t>(group->next_id + 1);
  if (group->tcp) group->last_flags = packet[group->transport + 13];
  group->closed = payload < group->segment || (group->tcp && group->last_flags != kTcpAck);
}

// A packet that is not merged itself, but may belong to a flow that is: nothing may overtake it.
void Coalescer::CloseAround(const uint8_t* packet, size_t length) {
  const bool four = packet[0] >> 4 == 4;
  const size_t addresses = four ? 12 : 8;
  const size_t transport = four ? 20 : 40;
  if (length < transport) return;
  // Behind extension headers and in fragments of IPv6 anything may stand.
  const uint8_t protocol = packet[four ? 9 : 6];
  const bool known = protocol == kProtocolTcp || protocol == kProtocolUdp;
  if (four && !known) return;
  for (size_t i = 0; i < used_; i++) {
    Group& group = groups_[i];
    if (group.transport != transport || (known && group.tcp != (protocol == kProtocolTcp))) continue;
    if (memcmp(group.packet + addresses, packet + addresses, transport - addresses) == 0) group.closed = true;
  }
}

void Coalescer::Add(uint8_t* packet, size_t length) {
  Flow flow{};
  const bool flows = FlowOf(packet, length, &flow);
  if (flows) {
    for (size_t i = used_; i-- > 0;) {
      Group& group = groups_[i];
      if (group.transport == 0 || !SameFlow(group, packet, flow)) continue;
      if (Joins(&group, packet, length, flow)) {
        Join(&group, packet, length);
        return;
      }
      // Nothing may overtake this packet.
      group.closed = true;
      break;
    }
  } else {
    CloseAround(packet, length);
  }
  if (used_ == kGroups) Flush();
  Group& group = groups_[used_++];
  group.packet = packet;
  group.length = length;
  group.count = 1;
  group.transport = 0;
  if (!flows) return;
  group.transport = flow.transport;
  group.headers = flow.headers;
  group.tcp = flow.tcp;
  group.segment = length - flow.headers;
  group.verified = false;
  group.pieces[0] = {packet + flow.headers, group.segment};
  group.closed = group.segment == 0;
  group.next_id = static_cast<uint16_t>(ReadBE16(packet + 4) + 1);
  if (!flow.tcp) return;
  group.last_flags = packet[flow.transport + 13];
  group.next_seq = ReadBE32(packet + flow.transport + 4) + static_cast<uint32_t>(group.segment);
  if (group.last_flags != kTcpAck || ReadBE16(packet + flow.transport + 18) != 0) group.closed = true;
}

void Coalescer::Flush() {
  for (size_t i = 0; i < used_; i++) {
    if (groups_[i].count > 1) Write(&groups_[i]);
    else WriteOne(groups_[i].packet, groups_[i].length);
  }
  used_ = 0;
}

void Coalescer::Write(Group* group) {
  uint8_t headers[kLongestHeaders];
  memcpy(headers, group->packet, group->headers);
  const bool four = group->transport == 20;
  const size_t rest = group->length - group->transport;
  if (four) {
    WriteBE16(headers + 2, static_cast<uint32_t>(group->length));
    WriteBE16(headers + 10, 0);
    WriteBE16(headers + 10, static_cast<uint16_t>(~ChecksumFold(ChecksumSum(headers, 20))));
  } else {
    WriteBE16(headers + 4, static_cast<uint32_t>(group->length - 40));
  }
  uint8_t* transport = headers + group->transport;
  const uint16_t pseudo = ChecksumFold(PseudoHeaderSum(headers, group->tcp ? kProtocolTcp : kProtocolUdp, rest));
  VnetHeader vnet{};
  vnet.flags = kVnetNeedsChecksum;
  vnet.header_length = static_cast<uint16_t>(group->headers);
  vnet.gso_size = static_cast<uint16_t>(group->segment);
  vnet.csum_start = static_cast<uint16_t>(group->transport);
  if (group->tcp) {
    vnet.gso_type = four ? kGsoTcp4 : kGsoTcp6;
    vnet.csum_offset = 16;
    transport[13] = group->last_flags;
  } else {
    vnet.gso_type = kGsoUdp;
    vnet.csum_offset = 6;
    WriteBE16(transport + 4, static_cast<uint32_t>(rest));
  }
  WriteBE16(transport + vnet.csum_offset, pseudo);
  iovec pieces[kPieces + 2];
  pieces[0] = {&vnet, sizeof vnet};
  pieces[1] = {headers, group->headers};
  memcpy(pieces + 2, group->pieces, sizeof(iovec) * static_cast<size_t>(group->count));
  if (!writer_->Write(pieces, group->count + 2)) WriteSingly(*group);
}

// The device refused the super-packet: its segments are still whole.
void Coalescer::WriteSingly(const Group& group) {
  for (int i = 0; i < group.count; i++) {
    const iovec& piece = group.pieces[i];
    WriteOne(static_cast<uint8_t*>(piece.iov_base) - group.headers, group.headers + piece.iov_len);
  }
}

void Coalescer::WriteOne(uint8_t* packet, size_t length) {
  VnetHeader vnet{};
  const iovec pieces[2] = {{&vnet, sizeof vnet}, {packet, length}};
  writer_->Write(pieces, 2);
}

}  // namespace kith
