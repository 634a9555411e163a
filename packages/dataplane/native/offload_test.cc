// Segmentation and coalescing by themselves, for tests: bytes in, bytes out. What goes in and out is virtio_net_hdr and
// packet, as it crosses the TUN.
//
// segment(superPacket) -> packets, or null where it is malformed      coalesce(packets, udp) -> superPackets
#include <memory>
#include <vector>

#include "args.h"
#include "coalesce.h"

namespace kith {
namespace {

class Recorder final : public PacketWriter {
 public:
  explicit Recorder(napi_env env) : env_(env) { napi_create_array(env, &list); }

  bool Write(const iovec* pieces, int count) override {
    std::vector<uint8_t> whole;
    for (int i = 0; i < count; i++) {
      const uint8_t* bytes = static_cast<const uint8_t*>(pieces[i].iov_base);
      whole.insert(whole.end(), bytes, bytes + pieces[i].iov_len);
    }
    napi_set_element(env_, list, next_++, ToArray(env_, whole.data(), whole.size()));
    return true;
  }

  napi_value list;

 private:
  napi_env env_;
  uint32_t next_ = 0;
};

}  // namespace

napi_value SegmentForTest(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Bytes bytes = args.Array(0);
  args.Check(bytes.size >= sizeof(VnetHeader));
  if (!args.fine()) return ThrowType(env, "segment(superPacket)");
  VnetHeader header;
  memcpy(&header, bytes.data, sizeof header);
  // Of its own on the heap, so that a sanitizer sees a step beyond it.
  std::vector<uint8_t> packet(bytes.data + sizeof header, bytes.data + bytes.size);
  Segments segments;
  napi_value out;
  if (!segments.Parse(header, packet.data(), packet.size())) {
    napi_get_null(env, &out);
    return out;
  }
  napi_create_array(env, &out);
  for (size_t i = 0; i < segments.count(); i++) {
    std::vector<uint8_t> one(segments.Length(i));
    segments.Write(i, one.data());
    napi_set_element(env, out, static_cast<uint32_t>(i), ToArray(env, one.data(), one.size()));
  }
  return out;
}

napi_value CoalesceForTest(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const bool udp = args.Flag(1);
  uint32_t count = 0;
  args.Check(napi_get_array_length(env, args.at(0), &count) == napi_ok);
  std::vector<std::vector<uint8_t>> packets;
  for (uint32_t i = 0; args.fine() && i < count; i++) {
    napi_value item;
    napi_typedarray_type type;
    size_t size = 0;
    void* data = nullptr;
    args.Check(napi_get_element(env, args.at(0), i, &item) == napi_ok &&
               napi_get_typedarray_info(env, item, &type, &size, &data, nullptr, nullptr) == napi_ok && size > 0);
    const uint8_t* bytes = static_cast<const uint8_t*>(data);
    packets.emplace_back(bytes, bytes + (args.fine() ? size : 0));
  }
  if (!args.fine()) return ThrowType(env, "coalesce(packets, udp)");
  Recorder recorder(env);
  const auto coalescer = std::make_unique<Coalescer>(&recorder);
  coalescer->set_udp(udp);
  for (std::vector<uint8_t>& packet : packets) coalescer->Add(packet.data(), packet.size());
  coalescer->Flush();
  return recorder.list;
}

}  // namespace kith
