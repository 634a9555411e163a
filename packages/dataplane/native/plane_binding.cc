// createPlane(callbacks, limits): the methods of a plane, thin above the core. Arguments are checked in
// src/native-plane.ts; what is wrong here is a defect of that file and throws a TypeError.
//
// A path is relay(1) length(1) endpoint(6 or 18), and where it is relayed dst(8). Allowed prefixes are family(1)
// length(1) bits(16) each. Keys of one direction are that of ChaCha20-Poly1305(32) and that of AES-256-GCM(32).
#include <vector>

#include "plane.h"
#include "seal.h"

namespace kith {
namespace {

constexpr napi_type_tag kPlaneTag = {0x6b697468'706c616e, 0x51f2b1c7'07a9e34d};
constexpr size_t kPrefixBytes = 18;

Plane* Unwrap(napi_env env, const Args& args) {
  bool is_plane = false;
  void* data = nullptr;
  if (args.self() == nullptr || napi_check_object_type_tag(env, args.self(), &kPlaneTag, &is_plane) != napi_ok ||
      !is_plane || napi_unwrap(env, args.self(), &data) != napi_ok) {
    ThrowType(env, "not a plane");
    return nullptr;
  }
  return static_cast<Plane*>(data);
}

PlanePath PathOf(Args* args, const Bytes& bytes) {
  PlanePath path;
  if (bytes.null) return path;
  args->Check(bytes.size >= 2 && bytes.size >= 2 + size_t{bytes.data[1]});
  if (!args->fine()) return path;
  path.known = true;
  path.relay = bytes.data[0] == 1;
  const size_t length = bytes.data[1];
  args->Check(Endpoint::From(bytes.data + 2, length, &path.endpoint) && bytes.size == 2 + length + (path.relay ? 8 : 0));
  if (args->fine() && path.relay) memcpy(path.dst, bytes.data + 2 + length, 8);
  return path;
}

napi_value ToStatus(napi_env env, Status status) { return ToNumber(env, static_cast<double>(status)); }

napi_value Refuse(napi_env env) { return ThrowType(env, "arguments of another type"); }

// Every method begins alike: its arguments, and the plane it is called on.
#define KITH_METHOD(name)                                                      \
  napi_value name##Method(napi_env env, Args& args, Plane& plane);             \
  napi_value name(napi_env env, napi_callback_info info) {                     \
    Args args(env, info);                                                      \
    Plane* plane = Unwrap(env, args);                                          \
    return plane == nullptr ? nullptr : name##Method(env, args, *plane);       \
  }                                                                            \
  napi_value name##Method([[maybe_unused]] napi_env env, [[maybe_unused]] Args& args, [[maybe_unused]] Plane& plane)

KITH_METHOD(SetSelf) {
  const Bytes id = args.Sized(0, 8);
  if (!args.fine()) return Refuse(env);
  plane.core.SetSelf(id.data);
  return nullptr;
}

KITH_METHOD(SetPeer) {
  PeerSpec spec{};
  spec.handle = static_cast<uint64_t>(args.Number(0));
  const Bytes allowed = args.Array(1);
  spec.path = PathOf(&args, args.ArrayOrNull(2));
  spec.open = args.Flag(3);
  spec.cipher = args.Flag(4) ? Cipher::kAes : Cipher::kChaCha;
  spec.keep_alive = args.Number(5);
  const double now = args.Number(6);
  args.Check(allowed.size % kPrefixBytes == 0);
  if (!args.fine()) return Refuse(env);
  for (size_t at = 0; at < allowed.size; at += kPrefixBytes) {
    AllowedPrefix prefix{};
    prefix.v6 = allowed.data[at] == 6;
    prefix.length = allowed.data[at + 1];
    args.Check(prefix.length <= (prefix.v6 ? 128 : 32));
    memcpy(prefix.bits, allowed.data + at + 2, 16);
    spec.allowed.push_back(prefix);
  }
  if (!args.fine()) return Refuse(env);
  return ToStatus(env, plane.core.SetPeer(spec, now));
}

KITH_METHOD(RemovePeer) {
  const double handle = args.Number(0);
  if (!args.fine()) return Refuse(env);
  plane.core.RemovePeer(static_cast<uint64_t>(handle));
  return nullptr;
}

KITH_METHOD(SetSession) {
  SessionSpec spec{};
  spec.peer = static_cast<uint64_t>(args.Number(0));
  spec.local_index = args.Unsigned(1);
  spec.remote_index = args.Unsigned(2);
  const Bytes send = args.Sized(3, sizeof spec.send);
  const Bytes receive = args.Sized(4, sizeof spec.receive);
  spec.initiator = args.Flag(5);
  spec.expires_at = args.Number(6);
  const double now = args.Number(7);
  if (!args.fine()) return Refuse(env);
  memcpy(&spec.send, send.data, sizeof spec.send);
  memcpy(&spec.receive, receive.data, sizeof spec.receive);
  const Status status = plane.core.SetSession(spec, now);
  Wipe(&spec, sizeof spec);
  return ToStatus(env, status);
}

KITH_METHOD(RemoveSession) {
  const uint32_t index = args.Unsigned(0);
  if (!args.fine()) return Refuse(env);
  plane.core.RemoveSession(index);
  return nullptr;
}

KITH_METHOD(SetNextHop) {
  const Bytes dst = args.Sized(0, 8);
  const Bytes hop = args.ArrayOrNull(1);
  Endpoint endpoint;
  args.Check(hop.null || Endpoint::From(hop.data, hop.size, &endpoint));
  if (!args.fine()) return Refuse(env);
  plane.core.SetNextHop(ReadLE64(dst.data), endpoint);
  return nullptr;
}

// length(1) endpoint, over and over
KITH_METHOD(SetRelaySources) {
  const Bytes list = args.Array(0);
  std::vector<Endpoint> endpoints;
  for (size_t at = 0; args.fine() && at < list.size;) {
    const size_t length = list.data[at++];
    Endpoint endpoint;
    args.Check(at + length <= list.size && Endpoint::From(list.data + at, length, &endpoint));
    endpoints.push_back(endpoint);
    at += length;
  }
  if (!args.fine()) return Refuse(env);
  plane.core.SetRelaySources(std::move(endpoints));
  return nullptr;
}

KITH_METHOD(SendMessage) {
  const Bytes message = args.Array(0);
  const PlanePath path = PathOf(&args, args.Array(1));
  if (!args.fine()) return Refuse(env);
  return ToStatus(env, plane.core.SendMessage(message.data, message.size, path));
}

KITH_METHOD(SendControl) {
  const double peer = args.Number(0);
  const uint32_t type = args.Unsigned(1);
  const Bytes body = args.Array(2);
  const Bytes way = args.ArrayOrNull(3);
  const PlanePath path = PathOf(&args, way);
  const double now = args.Number(4);
  args.Check(body.size <= 0xffff);
  if (!args.fine()) return Refuse(env);
  return ToStatus(env, plane.core.SendControl(static_cast<uint64_t>(peer), static_cast<uint8_t>(type), body.data,
                                              body.size, way.null ? nullptr : &path, now));
}

KITH_METHOD(SendKeepAlive) {
  const double peer = args.Number(0);
  const double now = args.Number(1);
  if (!args.fine()) return Refuse(env);
  return ToStatus(env, plane.core.SendKeepAlive(static_cast<uint64_t>(peer), now));
}

KITH_METHOD(PeerCounters) {
  const double peer = args.Number(0);
  if (!args.fine()) return Refuse(env);
  double values[11];
  if (plane.core.CountersOf(static_cast<uint64_t>(peer), values)) return ToNumbers(env, values, 11);
  napi_value nothing;
  napi_get_null(env, &nothing);
  return nothing;
}

KITH_METHOD(Counters) {
  double values[11];
  plane.core.Counters(values);
  return ToNumbers(env, values, 11);
}

KITH_METHOD(HandleDatagram) {
  const Bytes bytes = args.Array(0);
  const Bytes from = args.Array(1);
  const double now = args.Number(2);
  Endpoint endpoint;
  args.Check(Endpoint::From(from.data, from.size, &endpoint) && !plane.workers.running() && bytes.size <= 0xffff);
  if (!args.fine()) return Refuse(env);
  std::vector<uint8_t> copy(kHeadroom + bytes.size);
  std::vector<uint8_t> plaintext(kHeadroom + bytes.size);
  if (bytes.size > 0) memcpy(copy.data() + kHeadroom, bytes.data, bytes.size);
  Datagram datagram{};
  datagram.bytes = copy.data() + kHeadroom;
  datagram.length = bytes.size;
  datagram.from = &endpoint;
  datagram.plaintext = plaintext.data() + kHeadroom;
  plane.core.Receive(&datagram, 1, now, &plane);
  return nullptr;
}

KITH_METHOD(HandlePacket) {
  const Bytes bytes = args.Array(0);
  const double now = args.Number(1);
  args.Check(!plane.workers.running());
  if (!args.fine()) return Refuse(env);
  std::vector<uint8_t> copy(bytes.data, bytes.data + bytes.size);
  Segments segments;
  Ticket ticket;
  if (!segments.Parse(VnetHeader{}, copy.data(), copy.size())) plane.core.CountMalformed();
  else if (plane.core.Route(segments, now, &ticket)) {
    const size_t length = SealedLength(ticket, segments, 0);
    std::vector<uint8_t> out(kHeadroom + length);
    SealSegment(ticket, segments, 0, out.data() + kHeadroom);
    ticket.session->Release();
    plane.SendDatagram(out.data() + kHeadroom, length, ticket.way.endpoint);
  }
  return nullptr;
}

KITH_METHOD(WakeAt) {
  const double at = plane.core.WakeAt();
  napi_value nothing;
  napi_get_null(env, &nothing);
  return at == kNever ? nothing : ToNumber(env, at);
}

KITH_METHOD(Tick) {
  const double now = args.Number(0);
  if (!args.fine()) return Refuse(env);
  plane.core.Tick(now);
  return nullptr;
}

KITH_METHOD(Start) {
  WorkersInit init;
  init.tun = static_cast<int>(args.Number(0));
  init.udp4 = static_cast<int>(args.Number(1));
  init.udp6 = static_cast<int>(args.Number(2));
  init.offloads = args.Flag(3);
  init.uso = args.Flag(4);
  init.clock_offset = args.Number(5);
  args.Check(!plane.workers.running());
  if (!args.fine()) return Refuse(env);
  const int error = plane.Start(init);
  return error == 0 ? nullptr : ThrowErrno(env, "pthread_create", error);
}

KITH_METHOD(Stop) {
  plane.Stop();
  return nullptr;
}

KITH_METHOD(IoCounters) {
  const double values[3] = {static_cast<double>(plane.workers.port().send_errors.load()),
                            static_cast<double>(plane.workers.port().unanswerable.load()),
                            static_cast<double>(plane.workers.write_errors())};
  return ToNumbers(env, values, 3);
}

// Milliseconds of CLOCK_MONOTONIC.
KITH_METHOD(Clock) { return ToNumber(env, plane.workers.Now()); }

size_t LimitOf(napi_env env, napi_value limits, const char* name, Args* args) {
  napi_value value;
  double number = 0;
  args->Check(napi_get_named_property(env, limits, name, &value) == napi_ok &&
              napi_get_value_double(env, value, &number) == napi_ok && number >= 0);
  return static_cast<size_t>(number);
}

napi_ref CallbackOf(napi_env env, napi_value callbacks, const char* name, Args* args) {
  napi_value value;
  napi_valuetype type = napi_undefined;
  napi_ref reference = nullptr;
  args->Check(napi_get_named_property(env, callbacks, name, &value) == napi_ok &&
              napi_typeof(env, value, &type) == napi_ok && type == napi_function &&
              napi_create_reference(env, value, 1, &reference) == napi_ok);
  return reference;
}

void OnCollected(napi_env, void* data, void*) { static_cast<Plane*>(data)->Collected(); }

}  // namespace

napi_value CreatePlane(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Limits limits;
  limits.queue_per_peer = LimitOf(env, args.at(1), "queuePerPeer", &args);
  limits.control_body = LimitOf(env, args.at(1), "controlBody", &args);
  limits.no_next_hop_memory = LimitOf(env, args.at(1), "noNextHopMemory", &args);
  limits.ttl = static_cast<uint8_t>(LimitOf(env, args.at(1), "ttl", &args));
  if (!args.fine()) return Refuse(env);
  Plane* plane = new Plane(env, limits);
  plane->on_report = CallbackOf(env, args.at(0), "report", &args);
  plane->on_send = CallbackOf(env, args.at(0), "sendDatagram", &args);
  plane->on_write = CallbackOf(env, args.at(0), "writePacket", &args);
  if (!args.fine()) {
    plane->Collected();
    return Refuse(env);
  }
  napi_value out;
  napi_create_object(env, &out);
  const struct {
    const char* name;
    napi_callback method;
  } methods[] = {
      {"setSelf", SetSelf},
      {"setPeer", SetPeer},
      {"removePeer", RemovePeer},
      {"setSession", SetSession},
      {"removeSession", RemoveSession},
      {"setNextHop", SetNextHop},
      {"setRelaySources", SetRelaySources},
      {"sendMessage", SendMessage},
      {"sendControl", SendControl},
      {"sendKeepAlive", SendKeepAlive},
      {"peerCounters", PeerCounters},
      {"counters", Counters},
      {"handleDatagram", HandleDatagram},
      {"handlePacket", HandlePacket},
      {"wakeAt", WakeAt},
      {"tick", Tick},
      {"start", Start},
      {"stop", Stop},
      {"ioCounters", IoCounters},
      {"clock", Clock},
  };
  for (const auto& [name, method] : methods) SetFunction(env, out, name, method);
  napi_type_tag_object(env, out, &kPlaneTag);
  napi_wrap(env, out, plane, OnCollected, nullptr, nullptr);
  return out;
}

}  // namespace kith
