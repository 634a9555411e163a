// What the data plane decides, without threads or descriptors: the contract of packages/mesh/src/plane.ts. The portable
// plane is its twin, and their results are held against each other.
//
// The state is guarded by one lock, which is never held while a packet is sealed or opened for the fast path. It is
// recursive because a sink that runs in JavaScript may call back.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "endpoint.h"
#include "peer.h"
#include "prefix_tree.h"
#include "segment.h"

namespace kith {

struct Limits {
  size_t queue_per_peer = 32;
  size_t control_body = 1165;
  size_t no_next_hop_memory = 256;
  uint8_t ttl = 8;
};

enum class EventKind { kHandshake, kControl, kRoamed, kConfirmed, kNoSession, kNoNextHop, kTunLost };

struct Event {
  Event(EventKind kind, double now) : kind(kind), now(now) {}

  EventKind kind;
  double now;
  uint64_t peer = 0;
  uint32_t index = 0;
  // A handshake message; type and body of a control payload; the id of a destination without next hop.
  const uint8_t* bytes = nullptr;
  size_t length = 0;
  Origin origin;
};

// What the core needs from around it. Called with the lock held.
class CoreSink {
 public:
  virtual void Report(const Event& event) = 0;
  virtual void SendDatagram(const uint8_t* bytes, size_t length, const Endpoint& to) = 0;
  // Deadlines came nearer.
  virtual void WakeChanged() {}

 protected:
  ~CoreSink() = default;
};

// Where a received batch goes. The bytes stay in the batch.
class ReceiveSink {
 public:
  virtual void Packet(uint8_t* packet, size_t length) = 0;
  virtual void Forward(uint8_t* frame, size_t length, const Endpoint& hop) = 0;

 protected:
  ~ReceiveSink() = default;
};

struct Datagram {
  // With kHeadroom before them.
  uint8_t* bytes;
  size_t length;
  const Endpoint* from;
  // Where the plaintext is to stand: room for `length`, and kHeadroom before it.
  uint8_t* plaintext;
  // Working state of Receive.
  Session* session;
  Cipher cipher;
  uint64_t counter;
  Origin origin;
  uint8_t* message;
  size_t message_length;
  bool authentic;
};

// Leave to seal the segments of one packet.
struct Ticket {
  // Held: to be released.
  Session* session;
  Cipher cipher;
  uint64_t counter;
  Way way;
  // It comes after a pause.
  bool lone = false;
};

enum class Status { kOk, kNo, kUnknownPeer, kIndexInUse, kNoSelf };

struct DropCounters {
  double malformed = 0, unknown_index = 0, unauthentic = 0, replayed = 0, foreign_source = 0, gate_closed = 0,
         no_route = 0, queue_full = 0, relay_refused = 0;
};

struct PlanePath {
  bool known = false;
  bool relay = false;
  Endpoint endpoint;
  uint8_t dst[8] = {};
};

struct PeerSpec {
  uint64_t handle;
  std::vector<AllowedPrefix> allowed;
  PlanePath path;
  bool open;
  Cipher cipher;
  double keep_alive;
};

struct SessionSpec {
  uint64_t peer;
  uint32_t local_index, remote_index;
  Keys send, receive;
  bool initiator;
  double expires_at;
};

class Core {
 public:
  Core(CoreSink* sink, const Limits& limits);
  ~Core();

  void SetSelf(const uint8_t* id);
  Status SetPeer(const PeerSpec& spec, double now);
  void RemovePeer(uint64_t handle);
  Status SetSession(const SessionSpec& spec, double now);
  void RemoveSession(uint32_t local_index);
  // A hop of length 0 forgets it.
  void SetNextHop(uint64_t dst, const Endpoint& hop);
  void SetRelaySources(std::vector<Endpoint> endpoints);
  Status SendMessage(const uint8_t* message, size_t length, const PlanePath& path);
  // `path` is null for the peer's own.
  Status SendControl(uint64_t peer, uint8_t type, const uint8_t* body, size_t length, const PlanePath* path, double now);
  Status SendKeepAlive(uint64_t peer, double now);
  // Writes 11 numbers in the order of PeerCounters. False for an unknown peer.
  bool CountersOf(uint64_t peer, double* out);
  // Writes relayed packets and bytes and the 9 causes in the order of PlaneCounters.
  void Counters(double* out);

  // A packet of this machine. True: its segments are to be sealed by `ticket`. False: it is done with.
  bool Route(const Segments& packet, double now, Ticket* ticket);
  void CountMalformed();
  // Datagrams of the port, in order. Their bytes are changed. `count` is at most kBatch.
  void Receive(Datagram* datagrams, size_t count, double now, ReceiveSink* out);

  double WakeAt();
  void Tick(double now);

 private:
  struct Hopless {
    uint64_t dst;
    double at;
    std::vector<uint8_t> frame;
    Endpoint from;
  };

  Peer* Find(uint64_t handle);
  bool IsSet(uint64_t handle, uint64_t serial);
  bool WayOf(const PlanePath& path, Way* way) const;
  void ForgetPrefixes(Peer* peer);
  PrefixTree& TreeOf(bool v6) { return v6 ? allowed6_ : allowed4_; }
  void Drop(Session* session);
  void Schedule(const Peer& peer);
  void WakeBy(double at);
  bool Seal(Peer* peer, Cipher cipher, const uint8_t* plaintext, size_t length, const Way& way, double now);
  void Flush(Peer* peer, double now);
  void Enqueue(Peer* peer, const Segments& packet);
  void ReportNoSession(Peer* peer, double now);
  // First look: true where the message is to be opened.
  bool Admit(Datagram* datagram, double now, ReceiveSink* out);
  bool AdmitMessage(Datagram* datagram, double now);
  void Opened(Datagram* datagram, double now, ReceiveSink* out);
  void Plaintext(Peer* peer, const Datagram& datagram, double now, ReceiveSink* out);
  void Forward(Datagram* datagram, uint64_t dst, double now, ReceiveSink* out);
  void Hold(const Datagram& datagram, uint64_t dst, double now);
  void ForgetHopless(double now);

  CoreSink* const sink_;
  const Limits limits_;
  std::recursive_mutex mutex_;
  bool has_self_ = false;
  uint8_t self_[8] = {};
  uint64_t next_serial_ = 1;
  std::map<uint64_t, std::unique_ptr<Peer>> peers_;
  std::unordered_map<uint32_t, Session*> sessions_;
  PrefixTree allowed4_{32};
  PrefixTree allowed6_{128};
  std::unordered_map<uint64_t, Endpoint> next_hops_;
  std::unordered_set<Endpoint, EndpointHash> relay_sources_;
  // The oldest first.
  std::vector<Hopless> hopless_;
  DropCounters dropped_;
  double relayed_packets_ = 0;
  double relayed_bytes_ = 0;
  // No deadline is earlier; it may be too early.
  double wake_ = kNever;
  std::vector<uint8_t> scratch_;
};

}  // namespace kith
