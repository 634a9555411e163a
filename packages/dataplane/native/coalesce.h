// Puts segments of one flow that follow each other together again, so that the kernel takes them as one super-packet
// (generic receive offload). What is merged comes apart again exactly, but for the identification of IPv4 packets that
// may not be fragmented, which means nothing (RFC 6864).
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "segment.h"

namespace kith {

// Takes one packet or super-packet, in pieces; the first piece is the VnetHeader. False where it was refused.
class PacketWriter {
 public:
  virtual bool Write(const iovec* pieces, int count) = 0;

 protected:
  ~PacketWriter() = default;
};

class Coalescer {
 public:
  explicit Coalescer(PacketWriter* writer) : writer_(writer) {}

  // What may be merged: TCP from the start, datagrams of UDP where the device has USO.
  void set_tcp(bool tcp) { tcp_ = tcp; }
  void set_udp(bool udp) { udp_ = udp; }

  // Takes an IP packet of exactly `length` bytes, which must stay where it is until Flush.
  void Add(uint8_t* packet, size_t length);
  // Writes everything. Packets of one flow keep their order.
  void Flush();

 private:
  static constexpr size_t kGroups = 64;
  static constexpr size_t kPieces = 128;
  static constexpr size_t kLongestHeaders = 120;

  struct Group {
    uint8_t* packet;
    size_t length;
    // 0 for packets that are never merged: all that follows is unset then.
    size_t transport;
    size_t headers;
    size_t segment;
    uint32_t next_seq;
    uint16_t next_id;
    bool tcp;
    bool closed;
    bool verified;
    uint8_t last_flags;
    // Payloads of the segments; their headers stand right before them.
    int count;
    iovec pieces[kPieces];
  };

  struct Flow {
    size_t transport;
    size_t headers;
    bool tcp;
  };

  bool FlowOf(const uint8_t* packet, size_t length, Flow* flow) const;
  bool SameFlow(const Group& group, const uint8_t* packet, const Flow& flow) const;
  bool Joins(Group* group, const uint8_t* packet, size_t length, const Flow& flow) const;
  void Join(Group* group, uint8_t* packet, size_t length);
  void CloseAround(const uint8_t* packet, size_t length);
  void Write(Group* group);
  void WriteSingly(const Group& group);
  void WriteOne(uint8_t* packet, size_t length);

  PacketWriter* const writer_;
  bool tcp_ = true;
  bool udp_ = false;
  size_t used_ = 0;
  Group groups_[kGroups];
};

}  // namespace kith
