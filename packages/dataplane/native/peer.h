// What the plane keeps for one peer. Guarded by the plane's lock.
#pragma once

#include <algorithm>
#include <deque>
#include <limits>
#include <vector>

#include "endpoint.h"
#include "session.h"

namespace kith {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct AllowedPrefix {
  bool v6;
  uint8_t length;
  uint8_t bits[16];
};

struct Peer {
  uint64_t handle = 0;
  // Tells it from another peer that got the same handle later.
  uint64_t serial = 0;
  std::vector<AllowedPrefix> allowed;
  Way way;
  bool open = false;
  // For its IP packets; everything else goes by ChaCha20-Poly1305.
  Cipher cipher = Cipher::kChaCha;
  // Seconds; 0 for none.
  double keep_alive = 0;
  // Keep-alives count from here until something was sent.
  double keep_alive_from = 0;
  Session* current = nullptr;
  Session* previous = nullptr;
  Session* next = nullptr;
  std::deque<std::vector<uint8_t>> queue;
  double no_session_at = -kNever;
  Origin roamed;
  double roamed_at = -kNever;

  double sent_bytes = 0;
  double sent_packets = 0;
  double received_bytes = 0;
  double received_packets = 0;
  double last_data_sent = 0;
  double last_data_received = 0;
  double last_received = 0;
  double last_sent = 0;

  // The session that sends `messages` at `now`, or null.
  Session* Sender(double now, uint64_t messages = 1) const {
    return current != nullptr && current->MaySend(now, messages) ? current : nullptr;
  }

  bool Keeps(const Session* session) const {
    return session == current || session == previous || session == next;
  }

  // When a keep-alive is due, ms.
  double KeepAliveAt() const {
    if (keep_alive <= 0 || current == nullptr || !way.known) return kNever;
    return std::max(last_sent, keep_alive_from) + keep_alive * 1000;
  }

  // Whether `origin` is another way than the path, and news: the same way counts once a second.
  bool Roams(const Origin& origin, double now) {
    if (way.known && origin.relay == (way.header_length > 0) && origin.endpoint == way.endpoint) return false;
    if (origin.SameWay(roamed) && now - roamed_at < 1000) return false;
    roamed = origin;
    roamed_at = now;
    return true;
  }
};

}  // namespace kith
