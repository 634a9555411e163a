#include "segment.h"

#include <algorithm>

#include "checksum.h"
#include "wire.h"

namespace kith {
namespace {

constexpr uint8_t kProtocolTcp = 6;
constexpr uint8_t kProtocolUdp = 17;
constexpr uint8_t kTcpFin = 0x01;
constexpr uint8_t kTcpPush = 0x08;
constexpr uint8_t kTcpCwr = 0x80;

}  // namespace

bool Segments::Parse(const VnetHeader& header, uint8_t* packet, size_t size) {
  packet_ = packet;
  size_ = PacketLength(packet, size);
  if (size_ == 0) return false;
  if (header.gso_type != kGsoNone) return ParseGso(header);
  count_ = 1;
  headers_ = 0;
  if (header.flags & kVnetNeedsChecksum) {
    const size_t start = header.csum_start;
    const size_t field = start + header.csum_offset;
    if (start >= size_ || field + 2 > size_) return false;
    // The field holds the pseudo header's sum already.
    const uint16_t sum = static_cast<uint16_t>(~ChecksumFold(ChecksumSum(packet + start, size_ - start)));
    WriteBE16(packet + field, sum == 0 ? 0xffff : sum);
  }
  return true;
}

bool Segments::ParseGso(const VnetHeader& header) {
  const uint8_t type = header.gso_type & static_cast<uint8_t>(~kGsoEcn);
  const bool four = packet_[0] >> 4 == 4;
  tcp_ = type == kGsoTcp4 || type == kGsoTcp6;
  if (tcp_ ? four != (type == kGsoTcp4) : type != kGsoUdp) return false;
  transport_ = header.csum_start;
  const size_t ip = four ? size_t{packet_[0] & 15u} * 4 : 40;
  if ((header.flags & kVnetNeedsChecksum) == 0 || header.gso_size == 0) return false;
  if (four ? ip < 20 || transport_ != ip : transport_ < ip) return false;
  const size_t least = transport_ + (tcp_ ? 20 : 8);
  if (least > size_) return false;
  headers_ = tcp_ ? transport_ + size_t{packet_[transport_ + 12]} / 16 * 4 : least;
  if (headers_ < least || headers_ > size_) return false;
  gso_size_ = header.gso_size;
  const size_t payload = size_ - headers_;
  count_ = std::max<size_t>(1, (payload + gso_size_ - 1) / gso_size_);
  return true;
}

size_t Segments::Length(size_t i) const {
  if (headers_ == 0) return size_;
  const size_t payload = size_ - headers_ - i * gso_size_;
  return headers_ + std::min(payload, gso_size_);
}

void Segments::Write(size_t i, uint8_t* out) const {
  const size_t length = Length(i);
  if (headers_ == 0) {
    memcpy(out, packet_, length);
    return;
  }
  memcpy(out, packet_, headers_);
  memcpy(out + headers_, packet_ + headers_ + i * gso_size_, length - headers_);
  if (out[0] >> 4 == 4) {
    WriteBE16(out + 2, static_cast<uint32_t>(length));
    WriteBE16(out + 4, ReadBE16(out + 4) + static_cast<uint32_t>(i));
    WriteBE16(out + 10, 0);
    WriteBE16(out + 10, static_cast<uint16_t>(~ChecksumFold(ChecksumSum(out, transport_))));
  } else {
    WriteBE16(out + 4, static_cast<uint32_t>(length - 40));
  }
  uint8_t* const transport = out + transport_;
  const size_t rest = length - transport_;
  uint8_t* field = transport + 16;
  if (tcp_) {
    WriteBE32(transport + 4, ReadBE32(transport + 4) + static_cast<uint32_t>(i * gso_size_));
    if (i + 1 < count_) transport[13] &= static_cast<uint8_t>(~(kTcpFin | kTcpPush));
    if (i > 0) transport[13] &= static_cast<uint8_t>(~kTcpCwr);
  } else {
    WriteBE16(transport + 4, static_cast<uint32_t>(rest));
    field = transport + 6;
  }
  WriteBE16(field, 0);
  const uint64_t pseudo = PseudoHeaderSum(out, tcp_ ? kProtocolTcp : kProtocolUdp, rest);
  const uint16_t sum = static_cast<uint16_t>(~ChecksumFold(pseudo + ChecksumSum(transport, rest)));
  WriteBE16(field, sum == 0 && !tcp_ ? 0xffff : sum);
}

}  // namespace kith
