// System calls of the plane that fail on purpose. The harness is linked with --wrap for sendmmsg, writev and read.
#pragma once

#include <atomic>
#include <cstdint>

namespace kith {

struct Faults {
  // Trains to this port of UDP (0 for none, -1 for all) whose datagrams have `train_from` bytes or more are refused.
  std::atomic<int> train_port{0};
  std::atomic<int> train_from{0};
  std::atomic<int> train_error{0};
  // Every message to this port is refused.
  std::atomic<int> send_port{0};
  std::atomic<int> send_error{0};
  // Super-packets for a TUN are refused, or all packets.
  std::atomic<int> super_error{0};
  std::atomic<int> write_error{0};
  // A read that fails loses one packet of a TUN in so many.
  std::atomic<int> read_every{0};
  std::atomic<int> read_error{0};

  // Seen: trains that left, by port; calls that were made to fail.
  std::atomic<uint64_t> trains[65536];
  std::atomic<uint64_t> refused{0};

  void Clear();
};

extern Faults faults;

}  // namespace kith
