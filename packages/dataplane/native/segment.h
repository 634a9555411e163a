// What is read from a TUN with vnet_hdr: one IP packet, or a super-packet that is to be cut into segments (TSO, USO),
// its checksum to be completed.
//
// virtio_net_hdr (virtio 1.2, 5.1.6), in the machine's byte order: flags(1) gso_type(1) hdr_len(2) gso_size(2)
//   csum_start(2) csum_offset(2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith {

struct VnetHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t header_length;
  uint16_t gso_size;
  uint16_t csum_start;
  uint16_t csum_offset;
};
static_assert(sizeof(VnetHeader) == 10, "as the kernel has it");

constexpr uint8_t kVnetNeedsChecksum = 1;
constexpr uint8_t kGsoNone = 0;
constexpr uint8_t kGsoTcp4 = 1;
constexpr uint8_t kGsoTcp6 = 4;
constexpr uint8_t kGsoUdp = 5;
constexpr uint8_t kGsoEcn = 0x80;

class Segments {
 public:
  // Looks at a packet, and completes its checksum where it is a single one. `packet` must stay as long as this is used.
  // False where it is malformed.
  bool Parse(const VnetHeader& header, uint8_t* packet, size_t size);

  size_t count() const { return count_; }
  const uint8_t* packet() const { return packet_; }
  // Length of segment `i` with its headers.
  size_t Length(size_t i) const;
  // Writes segment `i` as a whole IP packet to `out`, which has room for it.
  void Write(size_t i, uint8_t* out) const;

 private:
  bool ParseGso(const VnetHeader& header);

  uint8_t* packet_ = nullptr;
  size_t size_ = 0;
  size_t count_ = 0;
  // For super-packets: where the transport header begins and ends, and bytes of payload per segment.
  size_t transport_ = 0;
  size_t headers_ = 0;
  size_t gso_size_ = 0;
  bool tcp_ = false;
};

}  // namespace kith
