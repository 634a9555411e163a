// Malformed bytes from every side. All that the plane may touch lies in a piece of heap of its own, so that a sanitizer
// sees a step beyond it.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "aead.h"
#include "coalesce.h"
#include "modes.h"
#include "traffic.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace kith {
namespace {

using Bytes = std::vector<uint8_t>;

// Values that parsers stumble over.
void Mutate(Bytes* bytes, Random* random, size_t within) {
  if (bytes->empty()) return;
  const size_t span = std::min(within, bytes->size());
  for (size_t changes = random->Below(4); changes > 0; changes--) {
    const size_t at = random->Below(span);
    switch (random->Below(5)) {
      case 0: (*bytes)[at] = static_cast<uint8_t>(random->Next()); break;
      case 1: (*bytes)[at] = random->OneIn(2) ? 0 : 0xff; break;
      case 2: (*bytes)[at] ^= static_cast<uint8_t>(1 << random->Below(8)); break;
      case 3: bytes->resize(random->Below(bytes->size() + 1)); return;
      default:
        if (at + 2 <= bytes->size()) {
          constexpr uint16_t kEdges[] = {0, 1, 19, 20, 39, 40, 65534, 65535};
          const uint16_t edge = random->OneIn(2) ? kEdges[random->Below(8)] : static_cast<uint16_t>(bytes->size() - at);
          memcpy(bytes->data() + at, &edge, 2);
        }
    }
    if (bytes->empty()) return;
  }
}

Bytes AnyPacket(Random* random) {
  if (random->OneIn(20)) {
    Bytes bytes(random->Below(200));
    random->Fill(bytes.data(), bytes.size());
    return bytes;
  }
  const Flow flow{static_cast<uint8_t>(1 + random->Below(3)), 2, random->OneIn(2), random->OneIn(2)};
  const bool train = random->OneIn(2);
  const size_t length = random->OneIn(10) ? random->Below(60'000) : random->Below(3000);
  const size_t segment = 1 + random->Below(random->OneIn(8) ? 20 : 1400);
  return MakePacket(flow, static_cast<uint32_t>(random->Below(4) * 1000), length, train ? segment : 0);
}

// A copy of exactly its size, with headroom in front where it is asked for.
struct Exact {
  explicit Exact(const uint8_t* from, size_t size, size_t headroom = 0) : block(new uint8_t[headroom + size]) {
    memset(block.get(), 0, headroom);
    if (size > 0) memcpy(block.get() + headroom, from, size);
    bytes = block.get() + headroom;
  }
  std::unique_ptr<uint8_t[]> block;
  uint8_t* bytes;
};

void CutOne(Random* random) {
  Bytes packet = AnyPacket(random);
  packet.resize(std::max(packet.size(), sizeof(VnetHeader)));
  Mutate(&packet, random, random->OneIn(2) ? sizeof(VnetHeader) : 100);
  packet.resize(std::max(packet.size(), sizeof(VnetHeader)));
  VnetHeader header;
  memcpy(&header, packet.data(), sizeof header);
  const size_t size = packet.size() - sizeof header;
  const Exact exact(packet.data() + sizeof header, size);
  Segments segments;
  if (!segments.Parse(header, exact.bytes, size)) return;
  Expect(segments.count() >= 1 && segments.count() <= size, "a number of segments");
  for (size_t i = 0; i < segments.count(); i++) {
    // Thousands of segments differ in nothing but their number.
    if (i > 50 && i + 3 < segments.count()) continue;
    const size_t length = segments.Length(i);
    Expect(length <= size, "a segment no longer than the packet");
    const std::unique_ptr<uint8_t[]> out(new uint8_t[length]);
    segments.Write(i, out.get());
  }
}

// Reads all that it is given, as the kernel would.
class Reader final : public PacketWriter {
 public:
  explicit Reader(Random* random) : random_(random) {}

  bool Write(const iovec* pieces, int count) override {
    size_t total = 0;
    for (int i = 0; i < count; i++) {
      const uint8_t* bytes = static_cast<const uint8_t*>(pieces[i].iov_base);
      for (size_t n = 0; n < pieces[i].iov_len; n++) sum += bytes[n];
      total += pieces[i].iov_len;
    }
    Expect(total <= sizeof(VnetHeader) + 65535, "a packet of at most 65,535 bytes");
    packets++;
    if (count > 2) merged++;
    // Refused super-packets come again in their parts.
    return count <= 2 || !random_->OneIn(4);
  }

  uint64_t packets = 0;
  uint64_t merged = 0;
  volatile uint64_t sum = 0;

 private:
  Random* const random_;
};

// Two members and what they may send each other; datagrams are handed to the core as a batch, and on to the coalescer.
class Network final : CoreSink, ReceiveSink {
 public:
  explicit Network(Random* random)
      : random_(random),
        core_(this, Limits{}),
        reader_(random),
        coalescer_(&reader_),
        seal_(keys_) {
    coalescer_.set_udp(true);
    const uint8_t self[8] = {1};
    core_.SetSelf(self);
    const uint8_t bytes[6] = {192, 0, 2, 1, 25, 150};
    Endpoint::From(bytes, sizeof bytes, &from_);
    core_.SetRelaySources({from_});
    Endpoint hop = from_;
    hop.bytes[3] = 2;
    core_.SetNextHop(2, hop);
    PeerSpec peer{};
    peer.handle = 1;
    peer.open = true;
    peer.path.known = true;
    peer.path.endpoint = from_;
    peer.allowed = {{false, 0, {}}, {true, 0, {}}};
    core_.SetPeer(peer, 0);
    SessionSpec session{};
    session.peer = 1;
    session.local_index = kIndex;
    session.send = session.receive = keys_;
    session.initiator = true;
    session.expires_at = 1e18;
    core_.SetSession(session, 0);
  }

  void Batch() {
    const size_t count = 1 + random_->Below(40);
    std::vector<Exact> datagrams, plaintexts;
    std::vector<Datagram> batch(count);
    for (Datagram& each : batch) {
      const Bytes bytes = AnyDatagram();
      datagrams.emplace_back(bytes.data(), bytes.size(), kHeadroom);
      plaintexts.emplace_back(bytes.data(), bytes.size(), kHeadroom);
      each = Datagram{};
      each.bytes = datagrams.back().bytes;
      each.length = bytes.size();
      each.from = &from_;
      each.plaintext = plaintexts.back().bytes;
    }
    now_ += 1;
    core_.Receive(batch.data(), count, now_, this);
    coalescer_.Flush();
    if (now_ >= core_.WakeAt()) core_.Tick(now_);
  }

  // The coalescer by itself, with packets of exactly their size.
  void Merge() {
    std::vector<Exact> packets;
    for (size_t count = 1 + random_->Below(40); count > 0; count--) {
      Bytes packet = PlainPacket();
      const size_t length = PacketLength(packet.data(), packet.size());
      if (length == 0) continue;
      packets.emplace_back(packet.data(), length);
      coalescer_.Add(packets.back().bytes, length);
    }
    coalescer_.Flush();
  }

  const Reader& written() const { return reader_; }
  uint64_t reports = 0;
  uint64_t forwarded = 0;

 private:
  static constexpr uint32_t kIndex = 7;

  // What a member that is no friend may send: sealed as it should be, whatever stands inside.
  Bytes AnyDatagram() {
    Bytes plain = PlainPacket();
    if (random_->OneIn(8)) {
      const uint8_t header[3] = {static_cast<uint8_t>(random_->Below(18)), 0, static_cast<uint8_t>(random_->Next())};
      plain.insert(plain.begin(), header, header + sizeof header);
    }
    Bytes message(16 + plain.size() + kTagLength + kHeadroom);
    uint8_t* const bytes = message.data() + kHeadroom;
    const Cipher cipher = random_->OneIn(3) ? Cipher::kAes : Cipher::kChaCha;
    WriteLE32(bytes, TypeOf(cipher));
    WriteLE32(bytes + 4, kIndex);
    WriteLE64(bytes + 8, counter_++);
    if (!plain.empty()) memcpy(bytes + 16, plain.data(), plain.size());
    seal_.Seal(cipher, ReadLE64(bytes + 8), bytes + 16, plain.size());
    message.erase(message.begin(), message.begin() + kHeadroom);
    if (random_->OneIn(10)) {
      message.assign(random_->OneIn(2) ? 148 : 92, static_cast<uint8_t>(random_->Next()));
      WriteLE32(message.data(), static_cast<uint32_t>(1 + random_->Below(4)));
    }
    if (random_->OneIn(6)) {
      uint8_t frame[20] = {5, static_cast<uint8_t>(random_->Below(10))};
      frame[4] = static_cast<uint8_t>(1 + random_->Below(2));
      frame[12] = static_cast<uint8_t>(1 + random_->Below(3));
      message.insert(message.begin(), frame, frame + sizeof frame);
    }
    if (random_->OneIn(4)) Mutate(&message, random_, 40);
    return message;
  }

  Bytes PlainPacket() {
    Bytes plain = random_->OneIn(8) ? Bytes(random_->Below(64)) : random_->OneIn(3) ? AnyPacket(random_) : NextPacket();
    if (plain.size() > sizeof(VnetHeader)) plain.erase(plain.begin(), plain.begin() + sizeof(VnetHeader));
    if (plain.size() > 2000) plain.resize(2000);
    // Before the checksum, or nothing behind it is tried; and after it.
    if (random_->OneIn(4)) Mutate(&plain, random_, 60);
    if (!random_->OneIn(3)) FinishChecksum(&plain);
    if (random_->OneIn(8)) Mutate(&plain, random_, 80);
    return plain;
  }

  // One that continues what came before, so that there is something to merge it with.
  Bytes NextPacket() {
    if (random_->OneIn(16)) {
      flow_ = {static_cast<uint8_t>(1 + random_->Below(3)), 2, random_->OneIn(2), !random_->OneIn(3)};
      length_ = 4 + random_->Below(random_->OneIn(3) ? 40 : 1300);
      // In words; a header may claim to be longer than its packet.
      tcp_header_ = static_cast<uint8_t>(random_->OneIn(3) ? random_->Below(16) : 5);
    }
    Bytes packet = MakePacket(flow_, place_, length_, 0);
    if (flow_.tcp) packet[sizeof(VnetHeader) + (flow_.six ? 40 : 20) + 12] = static_cast<uint8_t>(tcp_header_ << 4);
    // By what the header leaves for the payload, be it less than nothing: the next one is to follow this one.
    place_ += static_cast<uint32_t>(length_ + 20 - 4 * (flow_.tcp ? tcp_header_ : 5));
    return packet;
  }

  // Most packets are to get past the checksums, or nothing behind those is tried.
  void FinishChecksum(Bytes* packet) {
    if (packet->size() < 48) return;
    VnetHeader header{};
    const bool six = (*packet)[0] >> 4 == 6;
    const size_t length = packet->size();
    if (six) WriteBE16(packet->data() + 4, static_cast<uint32_t>(length - 40));
    else WriteBE16(packet->data() + 2, static_cast<uint32_t>(length));
    const uint8_t protocol = (*packet)[six ? 6 : 9];
    header.flags = kVnetNeedsChecksum;
    header.csum_start = six ? 40 : 20;
    header.csum_offset = protocol == kTcp ? 16 : 6;
    if (header.csum_start + header.csum_offset + 2u > length) return;
    const size_t rest = length - header.csum_start;
    if (!six) {
      WriteBE16(packet->data() + 10, 0);
      WriteBE16(packet->data() + 10, static_cast<uint16_t>(~ChecksumFold(ChecksumSum(packet->data(), 20))));
    }
    if (protocol == kUdp) WriteBE16(packet->data() + header.csum_start + 4, static_cast<uint32_t>(rest));
    WriteBE16(packet->data() + header.csum_start + header.csum_offset,
              ChecksumFold(PseudoHeaderSum(packet->data(), protocol, rest)));
    Segments segments;
    segments.Parse(header, packet->data(), length);
  }

  void Report(const Event& event) override {
    reports++;
    for (size_t i = 0; i < event.length; i++) sum_ = sum_ + event.bytes[i];
  }
  void SendDatagram(const uint8_t*, size_t, const Endpoint&) override {}
  void Packet(uint8_t* packet, size_t length) override { coalescer_.Add(packet, length); }
  void Forward(uint8_t*, size_t, const Endpoint&) override { forwarded++; }

  Random* const random_;
  const Keys keys_ = {{9}, {10}};
  Core core_;
  Reader reader_;
  Coalescer coalescer_;
  Sealer seal_;
  Endpoint from_;
  Flow flow_{1, 2, false, true};
  uint32_t place_ = 0;
  size_t length_ = 1000;
  uint8_t tcp_header_ = 5;
  uint64_t counter_ = 0;
  double now_ = 1;
  volatile uint64_t sum_ = 0;
};

void SendTrain(int fd, const Endpoint& endpoint, Random* random) {
  sockaddr_storage to;
  const socklen_t size = endpoint.To(&to);
  Bytes train(1 + random->Below(8000));
  random->Fill(train.data(), std::min<size_t>(train.size(), 64));
  const uint16_t segment = static_cast<uint16_t>(1 + random->Below(random->OneIn(2) ? 60 : 1400));
  for (size_t at = 0; at + 8 <= train.size(); at += segment) {
    WriteLE32(train.data() + at, static_cast<uint32_t>(random->Below(7)));
    WriteLE32(train.data() + at + 4, static_cast<uint32_t>(random->Below(4)));
  }
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof segment)] = {};
  iovec piece = {train.data(), train.size()};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = size;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof segment);
  memcpy(CMSG_DATA(header), &segment, sizeof segment);
  sendmsg(fd, &message, 0);
}

// The same from outside, through sockets and threads: trains of any length on one side, any packet on the other.
void Besiege(int count, Random* random) {
  // The last one is a peer only when the siege is over: nothing malformed is for it.
  Machine a(1, true), b(2, true), c(77, true);
  b.Overlook();
  const auto befriend = [&a, random](Machine* other) {
    a.SetPeer(*other, nullptr);
    other->SetPeer(a, nullptr);
    Rekey(&a, other, random->Next());
  };
  befriend(&b);
  // More sealed bytes than any buffer of the plane holds.
  a.Send(MakePacket(Flow{1, 2, false, true}, 0, 20'000, 1));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (int i = 0; i < count; i++) {
    Bytes packet = AnyPacket(random);
    Mutate(&packet, random, 80);
    if (!packet.empty()) a.Send(packet);
    for (size_t burst = 1 + random->Below(12); burst > 0; burst--) SendTrain(fd, a.endpoint(), random);
  }
  close(fd);
  double counters[11];
  a.core().Counters(counters);
  Expect(counters[2] > count / 10.0, "malformed bytes that are counted");
  befriend(&c);
  Traffic there(&a, &c, 1), back(&c, &a, 2);
  Until("traffic after a siege", [&] { return a.received() > 100'000 && c.received() > 100'000; });
}

}  // namespace

void RunFuzz(int count, uint64_t seed) {
  Random random(seed);
  for (int i = 0; i < count; i++) CutOne(&random);
  Network network(&random);
  for (int i = 0; i < count / 20; i++) {
    network.Batch();
    network.Merge();
  }
  // Where hardly anything gets through, nothing was tried.
  const Reader& written = network.written();
  Expect(written.packets > static_cast<uint64_t>(count) / 10 && written.merged > static_cast<uint64_t>(count) / 100 &&
             network.reports > 0 && network.forwarded > 0,
         "packets that pass, are merged, reported and forwarded");
  Besiege(count / 20, &random);
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  printf("%d super-packets, %d datagrams: %llu written, %llu of them merged, %llu reports, %llu forwarded\n", count,
         count, number(written.packets), number(written.merged), number(network.reports), number(network.forwarded));
}

}  // namespace kith
