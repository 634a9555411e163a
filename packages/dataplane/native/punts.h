// Reports of the threads on their way to JavaScript: a bounded queue. What strangers can cause is bounded apart from what
// members cause, and the rest comes at most once a second for each peer.
#pragma once

#include <mutex>
#include <vector>

#include "core.h"

namespace kith {

struct Punt {
  explicit Punt(const Event& event) : event(event), bytes(event.bytes, event.bytes + event.length) {}

  // Its bytes are those beside it.
  Event event;
  std::vector<uint8_t> bytes;
};

class Punts {
 public:
  // True where the queue was empty: the receiver is to be woken.
  bool Push(const Event& event) {
    std::lock_guard<std::mutex> guard(mutex_);
    size_t* count = event.kind == EventKind::kHandshake ? &handshakes_ : &others_;
    const size_t limit = event.kind == EventKind::kHandshake ? kHandshakes : kOthers;
    const bool optional = event.kind == EventKind::kHandshake || event.kind == EventKind::kControl ||
                          event.kind == EventKind::kRoamed;
    if (optional && *count >= limit) return false;
    ++*count;
    queue_.emplace_back(event);
    return queue_.size() == 1;
  }

  std::vector<Punt> Take() {
    std::lock_guard<std::mutex> guard(mutex_);
    handshakes_ = others_ = 0;
    return std::move(queue_);
  }

 private:
  static constexpr size_t kHandshakes = 512;
  static constexpr size_t kOthers = 4096;

  std::mutex mutex_;
  std::vector<Punt> queue_;
  size_t handshakes_ = 0;
  size_t others_ = 0;
};

}  // namespace kith
