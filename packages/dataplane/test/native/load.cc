#include <chrono>
#include <cstdio>

#include "modes.h"
#include "traffic.h"

namespace kith {
namespace {

constexpr uint64_t kGhost = 1'000;

void SetRelays(Machine* machine, std::initializer_list<const Machine*> others) {
  std::vector<Endpoint> endpoints;
  for (const Machine* other : others) endpoints.push_back(other->endpoint());
  machine->core().SetRelaySources(endpoints);
}

// A peer that nobody is: set, given a session and taken away again.
void Haunt(Machine* machine, Random* random) {
  PeerSpec peer{};
  peer.handle = kGhost + random->Below(8);
  peer.allowed.push_back({false, 32, {10, 9, 9, static_cast<uint8_t>(random->Next())}});
  peer.path.known = true;
  peer.path.endpoint = machine->endpoint();
  peer.open = true;
  peer.keep_alive = 0.001;
  machine->core().SetPeer(peer, machine->Now());
  SessionSpec session{};
  session.peer = peer.handle;
  session.local_index = 0x8000'0000 + static_cast<uint32_t>(random->Below(1 << 20));
  session.initiator = random->OneIn(2);
  session.expires_at = machine->Now() + static_cast<double>(random->Below(20));
  machine->core().SetSession(session, machine->Now());
  if (random->OneIn(2)) machine->core().RemovePeer(peer.handle);
}

void LookAround(Machine* machine) {
  double values[11];
  machine->TakeReports();
  machine->core().Counters(values);
  machine->core().CountersOf(1, values);
  machine->core().CountersOf(2, values);
  Expect(machine->workers().port().unanswerable == 0 && machine->core().WakeAt() > 0, "a look at the counters");
}

void Disturb(Machine* a, Machine* b, Machine* relay, Random* random) {
  Machine* const one = random->OneIn(2) ? a : b;
  Machine* const other = one == a ? b : a;
  const uint8_t body[100] = {1, 2, 3};
  switch (random->Below(11)) {
    case 0:
    case 1: return Rekey(one, other, random->Next());
    case 2: return one->SetPeer(*other, random->OneIn(2) ? relay : nullptr);
    case 3:
      one->core().SendControl(other->number(), 5, body, sizeof body, nullptr, one->Now());
      return;
    case 4: return Haunt(one, random);
    case 5: return LookAround(one);
    case 6: return SetRelays(one, {relay});
    case 7: return relay->core().SetNextHop(ReadLE64(other->id()), other->endpoint());
    case 8:
      if (!random->OneIn(3)) return;
      one->core().RemovePeer(other->number());
      one->SetPeer(*other, nullptr);
      return Rekey(one, other, random->Next());
    case 9: return one->SetCipher(*other, random->OneIn(2) ? Cipher::kAes : Cipher::kChaCha);
    default: one->SetPeer(*other, nullptr, false); return one->SetPeer(*other, nullptr, true);
  }
}

}  // namespace

void RunLoad(double seconds, uint64_t seed, bool race) {
  Machine a(1, true), b(2, true), relay(3, false);
  SetRelays(&a, {&relay});
  SetRelays(&b, {&relay});
  SetRelays(&relay, {&a, &b});
  for (const Machine* each : {&a, &b}) relay.core().SetNextHop(ReadLE64(each->id()), each->endpoint());
  a.SetPeer(b, nullptr);
  b.SetPeer(a, nullptr);
  Rekey(&a, &b, seed);
  Random random(seed);
  {
    Traffic there(&a, &b, random.Next()), back(&b, &a, random.Next());
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) {
      Disturb(&a, &b, &relay, &random);
      // A field that the threads read, written without a lock.
      if (race) a.workers().port().gso = random.OneIn(2);
      std::this_thread::sleep_for(std::chrono::microseconds(random.Below(3000)));
    }
  }
  // After all that, the way is as good as new.
  a.SetPeer(b, nullptr);
  b.SetPeer(a, nullptr);
  Rekey(&b, &a, random.Next());
  const uint64_t before[2] = {a.received(), b.received()};
  Traffic there(&a, &b, random.Next()), back(&b, &a, random.Next());
  constexpr uint64_t kEnough = 100'000;
  Until("traffic both ways at the end",
        [&] { return a.received() > before[0] + kEnough && b.received() > before[1] + kEnough; });
  there.End();
  back.End();
  printf("%.1f MB there, %.1f MB back, %llu super-packets\n", static_cast<double>(b.received()) / 1e6,
         static_cast<double>(a.received()) / 1e6,
         static_cast<unsigned long long>(a.super_packets() + b.super_packets()));
}

void RunStops(int times, uint64_t seed) {
  Random random(seed);
  for (int i = 0; i < times; i++) {
    const bool offloads = !random.OneIn(4);
    Machine a(1, true, offloads), b(2, true, offloads);
    a.SetPeer(b, nullptr);
    b.SetPeer(a, nullptr);
    Rekey(&a, &b, random.Next());
    Traffic there(&a, &b, random.Next()), back(&b, &a, random.Next());
    Until("traffic both ways", [&] { return a.received() > 0 && b.received() > 0; });
    std::this_thread::sleep_for(std::chrono::milliseconds(random.Below(20)));
    Machine* const first = random.OneIn(2) ? &a : &b;
    if (random.OneIn(4)) {
      Traffic* const into = first == &a ? &there : &back;
      into->End();
      first->DeleteDevice();
      Until("news of the deleted device", [&] { return first->tun_lost() == 1; });
    }
    const auto begin = std::chrono::steady_clock::now();
    first->workers().Stop();
    Expect(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5), "a stop that takes long");
    first->workers().Stop();
    // Whoever holds a stopped plane may go on calling it.
    first->core().SetSelf(first->id());
    first->core().SendKeepAlive(first == &a ? 2 : 1, first->Now());
    there.End();
    back.End();
  }
}

}  // namespace kith
