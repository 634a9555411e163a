#include <cerrno>
#include <chrono>
#include <cstdio>

#include "faults.h"
#include "modes.h"
#include "traffic.h"

namespace kith {
namespace {

int PortOf(const Machine& machine) {
  const Endpoint& endpoint = machine.endpoint();
  return endpoint.bytes[4] << 8 | endpoint.bytes[5];
}

// One machine with two others around it.
struct Star {
  Machine middle{1, true}, left{2, true}, right{3, true};

  Star() {
    for (Machine* each : {&left, &right}) {
      middle.SetPeer(*each, nullptr);
      each->SetPeer(middle, nullptr);
      Rekey(&middle, each, each->number());
    }
  }
};

void Pass(const char* what, Machine* from, Machine* to, uint64_t bytes = 2'000'000) {
  Traffic traffic(from, to, bytes);
  Until(what, [&] { return traffic.sent() >= bytes; });
  traffic.End();
  Until(what, [&] { return traffic.missing() == 0; }, 3000);
}

// What was on its way when a fault ended has arrived.
void Settle(const Machine& machine) {
  Until("silence", [&] {
    const uint64_t before = machine.received();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return machine.received() == before;
  });
}

// Trains that one destination refuses arrive in their parts, and those for others stay trains.
void RefuseTrains(int error, int from) {
  Star star;
  faults.Clear();
  faults.train_port = PortOf(star.left);
  faults.train_from = from;
  faults.train_error = error;
  Pass("bytes to who refuses trains", &star.middle, &star.left);
  const uint64_t refused = faults.refused;
  Expect(refused > 0, "a train that is refused");
  const uint64_t before = faults.trains[PortOf(star.right)];
  Pass("bytes to who takes trains", &star.middle, &star.right);
  Expect(faults.trains[PortOf(star.right)] > before + 10, "trains to who takes them");
  Expect((faults.trains[PortOf(star.left)] > 0) == (from > 0), "trains of short datagrams to who refuses long ones");
  Pass("bytes to who refuses trains, again", &star.middle, &star.left);
  // Each shorter length is tried once, but for what stood in the same batch.
  Expect(faults.refused < refused + 100, "refusals that are remembered");
  Expect(star.middle.workers().port().send_errors == 0, "nothing lost");
}

// More destinations refuse than are remembered: what is forgotten costs a refused call, no bytes.
void RefuseEverywhere() {
  Star star;
  faults.Clear();
  faults.train_port = -1;
  faults.train_error = EIO;
  Pass("bytes where no device cuts trains", &star.middle, &star.left);
  Pass("bytes back where no device cuts trains", &star.right, &star.middle);
  Expect(star.middle.workers().port().send_errors == 0, "nothing lost");
}

void RefuseSuperPackets() {
  Star star;
  faults.Clear();
  faults.super_error = EINVAL;
  Pass("bytes to a TUN that takes no super-packets", &star.middle, &star.left);
  Expect(faults.refused > 0 && star.left.super_packets() == 0, "a super-packet that is refused");
  Expect(star.left.workers().write_errors() == 0, "nothing lost");
}

// While a device says EIO (it is down) packets are lost and counted; afterwards they pass.
void RefuseWrites() {
  Star star;
  faults.Clear();
  faults.write_error = EIO;
  {
    Traffic traffic(&star.middle, &star.left, 1);
    Until("writes that fail", [&] { return faults.refused > 20; });
  }
  Expect(star.left.workers().write_errors() > 0 && star.left.received() == 0, "counted losses");
  faults.Clear();
  Settle(star.left);
  Pass("bytes to a TUN that is up again", &star.middle, &star.left);
}

void RefuseReads() {
  Star star;
  faults.Clear();
  faults.read_every = 7;
  faults.read_error = EINVAL;
  {
    Traffic traffic(&star.middle, &star.left, 1);
    Until("reads that fail", [&] { return faults.refused > 20; });
  }
  double counters[11];
  star.middle.core().Counters(counters);
  Expect(counters[2] >= 20 && star.middle.tun_lost() == 0, "lost packets are counted, the device is not lost");
  faults.Clear();
  Settle(star.left);
  Pass("bytes from a TUN that is well again", &star.middle, &star.left);
  faults.read_every = 1;
  faults.read_error = EBADFD;
  Traffic traffic(&star.middle, &star.left, 2);
  Until("news of a device that is gone", [&] { return star.middle.tun_lost() == 1; });
  traffic.End();
  faults.Clear();
  Pass("bytes the other way", &star.left, &star.middle);
  Expect(star.middle.tun_lost() == 1, "news that come once");
}

// A socket that stays full, or a way that is gone: what is lost is counted, nothing stands still, the rest passes.
void RefuseSends(int error) {
  Star star;
  faults.Clear();
  faults.send_port = PortOf(star.left);
  faults.send_error = error;
  {
    Traffic traffic(&star.middle, &star.left, 1);
    Until("sends that fail", [&] { return faults.refused > 5; });
    if (error != EAGAIN) Pass("bytes to who is there", &star.middle, &star.right);
    const auto begin = std::chrono::steady_clock::now();
    star.middle.core().SendKeepAlive(3, star.middle.Now());
    Expect(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1), "a lock that is free");
  }
  Expect(star.middle.workers().port().send_errors > 0, "counted losses");
  faults.Clear();
  Settle(star.left);
  Pass("bytes to who is there again", &star.middle, &star.left);
}

}  // namespace

void RunFaults() {
  RefuseTrains(EIO, 0);
  RefuseTrains(EINVAL, 900);
  RefuseTrains(EMSGSIZE, 900);
  RefuseEverywhere();
  RefuseSuperPackets();
  RefuseWrites();
  RefuseReads();
  for (const int error : {EAGAIN, ENOBUFS, EPERM, ENETUNREACH}) RefuseSends(error);
}

}  // namespace kith
