#include "core.h"

#include <algorithm>

namespace kith {
namespace {

// `noSession` and `noNextHop` come at most this often, in ms.
constexpr double kReportEvery = 1000;

using Guard = std::lock_guard<std::recursive_mutex>;

uint64_t IdOf(const uint8_t* bytes) { return ReadLE64(bytes); }

Peer* FindIn(const PrefixTree& four, const PrefixTree& six, const uint8_t* packet, bool source) {
  if (packet[0] >> 4 == 4) return four.Find(packet + (source ? 12 : 16));
  return six.Find(packet + (source ? 8 : 24));
}

}  // namespace

Core::Core(CoreSink* sink, const Limits& limits)
    : sink_(sink), limits_(limits), scratch_(kHeadroom + kRelayHeader + kTransportHeader + 65536 + kTagLength) {}

Core::~Core() {
  for (auto& [index, session] : sessions_) session->Release();
}

void Core::SetSelf(const uint8_t* id) {
  Guard guard(mutex_);
  has_self_ = true;
  memcpy(self_, id, 8);
  for (auto& [handle, peer] : peers_) {
    if (peer->way.header_length > 0) memcpy(peer->way.header + 12, self_, 8);
  }
}

Status Core::SetPeer(const PeerSpec& spec, double now) {
  Guard guard(mutex_);
  Way way;
  if (!WayOf(spec.path, &way)) return Status::kNoSelf;
  std::unique_ptr<Peer>& slot = peers_[spec.handle];
  if (slot == nullptr) {
    slot = std::make_unique<Peer>();
    slot->handle = spec.handle;
    slot->serial = next_serial_++;
    slot->keep_alive_from = now;
  } else {
    ForgetPrefixes(slot.get());
    if (slot->keep_alive != spec.keep_alive) slot->keep_alive_from = now;
  }
  Peer* peer = slot.get();
  peer->keep_alive = spec.keep_alive;
  peer->open = spec.open;
  peer->cipher = spec.cipher;
  peer->allowed = spec.allowed;
  peer->way = way;
  for (const AllowedPrefix& prefix : peer->allowed) TreeOf(prefix.v6).Set(prefix.bits, prefix.length, peer);
  Flush(peer, now);
  Schedule(*peer);
  return Status::kOk;
}

void Core::RemovePeer(uint64_t handle) {
  Guard guard(mutex_);
  Peer* peer = Find(handle);
  if (peer == nullptr) return;
  Drop(peer->current);
  Drop(peer->previous);
  Drop(peer->next);
  ForgetPrefixes(peer);
  peers_.erase(handle);
}

Status Core::SetSession(const SessionSpec& spec, double now) {
  Guard guard(mutex_);
  Peer* peer = Find(spec.peer);
  if (peer == nullptr) return Status::kUnknownPeer;
  if (sessions_.count(spec.local_index) != 0) return Status::kIndexInUse;
  Session* added = new Session(spec.send, spec.receive);
  added->local_index = spec.local_index;
  added->remote_index = spec.remote_index;
  added->initiator = spec.initiator;
  added->expires_at = spec.expires_at;
  added->peer = peer;
  Session* const before[3] = {peer->current, peer->previous, peer->next};
  if (spec.initiator) {
    peer->previous = peer->next != nullptr ? peer->next : peer->current;
    peer->next = nullptr;
    peer->current = added;
  } else {
    peer->next = added;
    peer->previous = nullptr;
  }
  for (Session* old : before) {
    if (old != nullptr && !peer->Keeps(old)) Drop(old);
  }
  sessions_[spec.local_index] = added;
  Flush(peer, now);
  Schedule(*peer);
  return Status::kOk;
}

void Core::RemoveSession(uint32_t local_index) {
  Guard guard(mutex_);
  const auto found = sessions_.find(local_index);
  if (found != sessions_.end()) Drop(found->second);
}

void Core::SetNextHop(uint64_t dst, const Endpoint& hop) {
  Guard guard(mutex_);
  if (hop.length == 0) {
    next_hops_.erase(dst);
    return;
  }
  next_hops_[dst] = hop;
  const auto waiting =
      std::find_if(hopless_.begin(), hopless_.end(), [dst](const Hopless& each) { return each.dst == dst; });
  if (waiting == hopless_.end()) return;
  const Hopless held = std::move(*waiting);
  hopless_.erase(waiting);
  if (held.from == hop) {
    dropped_.relay_refused++;
    return;
  }
  relayed_packets_++;
  relayed_bytes_ += static_cast<double>(held.frame.size());
  sink_->SendDatagram(held.frame.data(), held.frame.size(), hop);
}

void Core::SetRelaySources(std::vector<Endpoint> endpoints) {
  Guard guard(mutex_);
  relay_sources_ = std::unordered_set<Endpoint, EndpointHash>(endpoints.begin(), endpoints.end());
}

Status Core::SendMessage(const uint8_t* message, size_t length, const PlanePath& path) {
  Guard guard(mutex_);
  Way way;
  if (!WayOf(path, &way)) return Status::kNoSelf;
  std::vector<uint8_t> out(way.header_length + length);
  memcpy(out.data(), way.header, way.header_length);
  memcpy(out.data() + way.header_length, message, length);
  sink_->SendDatagram(out.data(), out.size(), way.endpoint);
  return Status::kOk;
}

Status Core::SendControl(uint64_t handle, uint8_t type, const uint8_t* body, size_t length, const PlanePath* path,
                         double now) {
  Guard guard(mutex_);
  Peer* peer = Find(handle);
  if (peer == nullptr) return Status::kUnknownPeer;
  Way way = peer->way;
  if (path != nullptr && !WayOf(*path, &way)) return Status::kNoSelf;
  std::vector<uint8_t> framed(Padded(3 + length));
  framed[0] = type;
  WriteBE16(framed.data() + 1, static_cast<uint32_t>(length));
  if (length > 0) memcpy(framed.data() + 3, body, length);
  return Seal(peer, Cipher::kChaCha, framed.data(), framed.size(), way, now) ? Status::kOk : Status::kNo;
}

Status Core::SendKeepAlive(uint64_t handle, double now) {
  Guard guard(mutex_);
  Peer* peer = Find(handle);
  if (peer == nullptr) return Status::kUnknownPeer;
  return Seal(peer, Cipher::kChaCha, nullptr, 0, peer->way, now) ? Status::kOk : Status::kNo;
}

bool Core::CountersOf(uint64_t handle, double* out) {
  Guard guard(mutex_);
  const Peer* peer = Find(handle);
  if (peer == nullptr) return false;
  const double values[11] = {
      peer->sent_bytes,
      peer->sent_packets,
      peer->received_bytes,
      peer->received_packets,
      peer->last_data_sent,
      peer->last_data_received,
      peer->last_received,
      peer->last_sent,
      peer->current == nullptr ? 0 : static_cast<double>(peer->current->send_counter),
      peer->current == nullptr ? 0 : static_cast<double>(peer->current->local_index),
      static_cast<double>(peer->queue.size()),
  };
  std::copy(values, values + 11, out);
  return true;
}

void Core::Counters(double* out) {
  Guard guard(mutex_);
  const double values[11] = {
      relayed_packets_,        relayed_bytes_,         dropped_.malformed, dropped_.unknown_index, dropped_.unauthentic,
      dropped_.replayed,       dropped_.foreign_source, dropped_.gate_closed, dropped_.no_route,    dropped_.queue_full,
      dropped_.relay_refused,
  };
  std::copy(values, values + 11, out);
}

void Core::CountMalformed() {
  Guard guard(mutex_);
  dropped_.malformed++;
}

bool Core::Route(const Segments& packet, double now, Ticket* ticket) {
  Guard guard(mutex_);
  Peer* peer = FindIn(allowed4_, allowed6_, packet.packet(), false);
  if (peer == nullptr) {
    dropped_.no_route++;
    return false;
  }
  const size_t count = packet.count();
  Session* session = peer->Sender(now, count);
  if (!peer->queue.empty() || !peer->open || session == nullptr || !peer->way.known) {
    Enqueue(peer, packet);
    ReportNoSession(peer, now);
    return false;
  }
  session->Hold();
  ticket->session = session;
  ticket->cipher = peer->cipher;
  ticket->counter = session->send_counter;
  ticket->way = peer->way;
  session->send_counter += count;
  // All segments but the last have one length.
  peer->sent_packets += static_cast<double>(count);
  peer->sent_bytes += static_cast<double>((kKeepAliveLength + Padded(packet.Length(0))) * (count - 1) +
                                          kKeepAliveLength + Padded(packet.Length(count - 1)));
  peer->last_sent = now;
  peer->last_data_sent = now;
  return true;
}

void Core::Enqueue(Peer* peer, const Segments& packet) {
  for (size_t i = 0; i < packet.count(); i++) {
    if (peer->queue.size() >= limits_.queue_per_peer) {
      peer->queue.pop_front();
      dropped_.queue_full++;
    }
    peer->queue.emplace_back(packet.Length(i));
    packet.Write(i, peer->queue.back().data());
  }
}

double Core::WakeAt() {
  Guard guard(mutex_);
  return wake_;
}

void Core::Tick(double now) {
  Guard guard(mutex_);
  if (now < wake_) return;
  wake_ = kNever;
  ForgetHopless(now);
  for (const Hopless& each : hopless_) WakeBy(each.at + kReportEvery);
  // An event may remove peers.
  std::vector<uint64_t> handles;
  for (const auto& [handle, peer] : peers_) handles.push_back(handle);
  for (const uint64_t handle : handles) {
    Peer* peer = Find(handle);
    if (peer == nullptr) continue;
    const bool had_current = peer->current != nullptr;
    for (Session* session : {peer->current, peer->previous, peer->next}) {
      if (session != nullptr && now >= session->expires_at) Drop(session);
    }
    if (now >= peer->KeepAliveAt() && !Seal(peer, Cipher::kChaCha, nullptr, 0, peer->way, now)) peer->keep_alive_from = now;
    Schedule(*peer);
    if (had_current && !peer->queue.empty()) ReportNoSession(peer, now);
  }
}

Peer* Core::Find(uint64_t handle) {
  const auto found = peers_.find(handle);
  return found == peers_.end() ? nullptr : found->second.get();
}

bool Core::IsSet(uint64_t handle, uint64_t serial) {
  const Peer* peer = Find(handle);
  return peer != nullptr && peer->serial == serial;
}

bool Core::WayOf(const PlanePath& path, Way* way) const {
  *way = Way{};
  if (!path.known) return true;
  if (path.relay && !has_self_) return false;
  way->known = true;
  way->endpoint = path.endpoint;
  if (!path.relay) return true;
  way->header_length = kRelayHeader;
  way->header[0] = kTypeRelay;
  way->header[1] = limits_.ttl;
  memcpy(way->header + 4, path.dst, 8);
  memcpy(way->header + 12, self_, 8);
  return true;
}

void Core::ForgetPrefixes(Peer* peer) {
  for (const AllowedPrefix& prefix : peer->allowed) TreeOf(prefix.v6).Delete(prefix.bits, prefix.length, peer);
}

void Core::Drop(Session* session) {
  if (session == nullptr) return;
  Peer* peer = session->peer;
  if (peer->current == session) peer->current = nullptr;
  if (peer->previous == session) peer->previous = nullptr;
  if (peer->next == session) peer->next = nullptr;
  session->peer = nullptr;
  sessions_.erase(session->local_index);
  session->Release();
}

void Core::Schedule(const Peer& peer) {
  for (const Session* session : {peer.current, peer.previous, peer.next}) {
    if (session != nullptr) WakeBy(session->expires_at);
  }
  WakeBy(peer.KeepAliveAt());
}

void Core::WakeBy(double at) {
  if (at >= wake_) return;
  wake_ = at;
  sink_->WakeChanged();
}

// Seals and sends under the current session. False where there is none or no way.
bool Core::Seal(Peer* peer, Cipher cipher, const uint8_t* plaintext, size_t length, const Way& way, double now) {
  Session* session = peer->Sender(now);
  if (session == nullptr || !way.known) return false;
  uint8_t* const datagram = scratch_.data() + kHeadroom;
  uint8_t* const message = datagram + way.header_length;
  const size_t padded = Padded(length);
  memcpy(datagram, way.header, way.header_length);
  WriteLE32(message, TypeOf(cipher));
  WriteLE32(message + 4, session->remote_index);
  WriteLE64(message + 8, session->send_counter);
  if (length > 0) memcpy(message + kTransportHeader, plaintext, length);
  memset(message + kTransportHeader + length, 0, padded - length);
  session->seal_locked.Seal(cipher, session->send_counter, message + kTransportHeader, padded);
  session->send_counter++;
  peer->sent_packets++;
  peer->sent_bytes += static_cast<double>(kKeepAliveLength + padded);
  peer->last_sent = now;
  sink_->SendDatagram(datagram, way.header_length + kKeepAliveLength + padded, way.endpoint);
  return true;
}

void Core::Flush(Peer* peer, double now) {
  while (peer->open && !peer->queue.empty()) {
    const std::vector<uint8_t>& packet = peer->queue.front();
    if (!Seal(peer, peer->cipher, packet.data(), packet.size(), peer->way, now)) return;
    peer->last_data_sent = now;
    peer->queue.pop_front();
  }
}

void Core::ReportNoSession(Peer* peer, double now) {
  if (peer->Sender(now) != nullptr || now - peer->no_session_at < kReportEvery) return;
  peer->no_session_at = now;
  Event event(EventKind::kNoSession, now);
  event.peer = peer->handle;
  sink_->Report(event);
}

void Core::Receive(Datagram* datagrams, size_t count, double now, ReceiveSink* out) {
  {
    Guard guard(mutex_);
    for (size_t i = 0; i < count; i++) {
      if (!Admit(&datagrams[i], now, out)) datagrams[i].session = nullptr;
    }
  }
  for (size_t i = 0; i < count; i++) {
    Datagram& each = datagrams[i];
    if (each.session == nullptr) continue;
    each.authentic = each.session->open.Open(each.cipher, each.counter, each.message + kTransportHeader,
                                             each.message_length - kTransportHeader, each.plaintext, count == 1);
  }
  Guard guard(mutex_);
  for (size_t i = 0; i < count; i++) {
    if (datagrams[i].session == nullptr) continue;
    Opened(&datagrams[i], now, out);
    datagrams[i].session->Release();
  }
}

bool Core::Admit(Datagram* datagram, double now, ReceiveSink* out) {
  const uint8_t* bytes = datagram->bytes;
  const size_t length = datagram->length;
  datagram->message = datagram->bytes;
  datagram->message_length = length;
  datagram->origin = Origin{};
  datagram->origin.endpoint = *datagram->from;
  if (length == 0 || bytes[0] != kTypeRelay) return AdmitMessage(datagram, now);
  if (!has_self_ || relay_sources_.count(*datagram->from) == 0) {
    dropped_.relay_refused++;
    return false;
  }
  if (length < kRelayHeader || bytes[2] != 0 || bytes[3] != 0 ||
      KindOf(bytes + kRelayHeader, length - kRelayHeader) == MessageKind::kMalformed) {
    dropped_.malformed++;
    return false;
  }
  if (memcmp(bytes + 12, self_, 8) == 0) {
    dropped_.relay_refused++;
    return false;
  }
  if (memcmp(bytes + 4, self_, 8) != 0) {
    Forward(datagram, IdOf(bytes + 4), now, out);
    return false;
  }
  datagram->origin.relay = true;
  memcpy(datagram->origin.src, bytes + 12, 8);
  datagram->message += kRelayHeader;
  datagram->message_length -= kRelayHeader;
  return AdmitMessage(datagram, now);
}

bool Core::AdmitMessage(Datagram* datagram, double now) {
  const uint8_t* message = datagram->message;
  switch (KindOf(message, datagram->message_length)) {
    case MessageKind::kMalformed:
      dropped_.malformed++;
      return false;
    case MessageKind::kHandshake: {
      Event event(EventKind::kHandshake, now);
      event.bytes = message;
      event.length = datagram->message_length;
      event.origin = datagram->origin;
      sink_->Report(event);
      return false;
    }
    case MessageKind::kTransport:
      break;
  }
  const auto found = sessions_.find(ReadLE32(message + 4));
  if (found == sessions_.end() || now >= found->second->expires_at) {
    dropped_.unknown_index++;
    return false;
  }
  datagram->session = found->second;
  datagram->cipher = message[0] == kTypeAesTransport ? Cipher::kAes : Cipher::kChaCha;
  datagram->counter = ReadLE64(message + 8);
  if (datagram->counter >= kRejectAfterMessages || !datagram->session->window.IsFresh(datagram->counter)) {
    dropped_.replayed++;
    return false;
  }
  datagram->session->Hold();
  return true;
}

void Core::Opened(Datagram* datagram, double now, ReceiveSink* out) {
  Session* session = datagram->session;
  Peer* peer = session->peer;
  if (peer == nullptr) {
    dropped_.unknown_index++;
    return;
  }
  if (!datagram->authentic) {
    dropped_.unauthentic++;
    return;
  }
  if (!session->window.Accept(datagram->counter)) {
    dropped_.replayed++;
    return;
  }
  peer->received_packets++;
  peer->received_bytes += static_cast<double>(datagram->message_length);
  peer->last_received = now;
  if (session == peer->next) {
    Session* out_of_use = peer->previous;
    peer->previous = peer->current;
    peer->current = session;
    peer->next = nullptr;
    Drop(out_of_use);
    Flush(peer, now);
    Schedule(*peer);
  }
  const uint64_t handle = peer->handle;
  const uint64_t serial = peer->serial;
  if (!session->confirmed) {
    session->confirmed = true;
    Event event(EventKind::kConfirmed, now);
    event.peer = handle;
    event.index = session->local_index;
    sink_->Report(event);
  }
  if (!IsSet(handle, serial)) return;
  if (peer->Roams(datagram->origin, now)) {
    Event event(EventKind::kRoamed, now);
    event.peer = handle;
    event.origin = datagram->origin;
    sink_->Report(event);
  }
  if (IsSet(handle, serial) && datagram->message_length > kKeepAliveLength) Plaintext(peer, *datagram, now, out);
}

void Core::Plaintext(Peer* peer, const Datagram& datagram, double now, ReceiveSink* out) {
  uint8_t* const plaintext = datagram.plaintext;
  const size_t size = datagram.message_length - kKeepAliveLength;
  if (plaintext[0] < 0x10) {
    const int body = ControlBody(plaintext, size, limits_.control_body);
    if (body < 0) {
      dropped_.malformed++;
      return;
    }
    // Type and body without the length between them.
    plaintext[2] = plaintext[0];
    Event event(EventKind::kControl, now);
    event.peer = peer->handle;
    event.bytes = plaintext + 2;
    event.length = 1 + static_cast<size_t>(body);
    event.origin = datagram.origin;
    sink_->Report(event);
    return;
  }
  const size_t length = PacketLength(plaintext, size);
  if (length == 0) {
    dropped_.malformed++;
    return;
  }
  peer->last_data_received = now;
  if (!peer->open) dropped_.gate_closed++;
  else if (FindIn(allowed4_, allowed6_, plaintext, true) != peer) dropped_.foreign_source++;
  else out->Packet(plaintext, length);
}

void Core::Forward(Datagram* datagram, uint64_t dst, double now, ReceiveSink* out) {
  const int ttl = std::min<int>(datagram->bytes[1], limits_.ttl) - 1;
  const auto hop = next_hops_.find(dst);
  if (ttl < 1 || (hop != next_hops_.end() && hop->second == *datagram->from)) {
    dropped_.relay_refused++;
    return;
  }
  datagram->bytes[1] = static_cast<uint8_t>(ttl);
  if (hop == next_hops_.end()) {
    Hold(*datagram, dst, now);
    return;
  }
  relayed_packets_++;
  relayed_bytes_ += static_cast<double>(datagram->length);
  out->Forward(datagram->bytes, datagram->length, hop->second);
}

// The mesh is asked for a next hop, and the frame waits for the answer.
void Core::Hold(const Datagram& datagram, uint64_t dst, double now) {
  ForgetHopless(now);
  const bool asked =
      std::any_of(hopless_.begin(), hopless_.end(), [dst](const Hopless& each) { return each.dst == dst; });
  if (asked || hopless_.size() >= limits_.no_next_hop_memory) {
    dropped_.relay_refused++;
    return;
  }
  hopless_.push_back({dst, now, {datagram.bytes, datagram.bytes + datagram.length}, *datagram.from});
  WakeBy(now + kReportEvery);
  Event event(EventKind::kNoNextHop, now);
  event.bytes = datagram.bytes + 4;
  event.length = 8;
  sink_->Report(event);
}

void Core::ForgetHopless(double now) {
  auto first = hopless_.begin();
  while (first != hopless_.end() && now >= first->at + kReportEvery) first++;
  dropped_.relay_refused += static_cast<double>(first - hopless_.begin());
  hopless_.erase(hopless_.begin(), first);
}

}  // namespace kith
