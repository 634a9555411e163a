#include "machine.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "random.h"

namespace kith {

void Expect(bool fine, const char* what) {
  if (fine) return;
  fprintf(stderr, "failed: %s\n", what);
  fflush(nullptr);
  _exit(1);
}

void Until(const char* what, const std::function<bool()>& holds, int limit_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  while (!holds()) {
    Expect(std::chrono::steady_clock::now() < deadline, what);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Machine::Machine(uint8_t n, bool device, bool offloads) : number_(n), core_(this, Limits{}), workers_(&core_, this) {
  id_[7] = n;
  core_.SetSelf(id_);
  WorkersInit init;
  init.offloads = offloads;
  init.uso = true;
  if (device) {
    int pair[2];
    Expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
    const int room = 4 << 20;
    for (const int fd : pair) {
      if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
      }
    }
    init.tun = pair[0];
    kernel_ = pair[1];
  }
  uint16_t port = 0;
  init.udp4 = OpenUdp(AF_INET, 0, true, offloads, &port, &buffer_);
  Expect(init.udp4 >= 0, "a port on loopback");
  const uint8_t bytes[6] = {127, 0, 0, 1, static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port)};
  Endpoint::From(bytes, sizeof bytes, &endpoint_);
  Expect(workers_.Start(init) == 0, "threads");
  if (device) reader_ = std::thread([this] { Read(); });
}

Machine::~Machine() { Stop(); }

void Machine::Stop() {
  workers_.Stop();
  ended_.store(true);
  if (reader_.joinable()) reader_.join();
  if (kernel_ >= 0) close(kernel_);
  kernel_ = -1;
}

void Machine::DeleteDevice() {
  ended_.store(true);
  reader_.join();
  close(kernel_);
  kernel_ = -1;
}

bool Machine::Send(const std::vector<uint8_t>& packet) {
  for (int i = 0; i < 100; i++) {
    if (send(kernel_, packet.data(), packet.size(), MSG_NOSIGNAL) >= 0) return true;
    pollfd polled = {kernel_, POLLOUT, 0};
    poll(&polled, 1, 2);
  }
  return false;
}

void Machine::Read() {
  std::vector<uint8_t> packet(sizeof(VnetHeader) + 65536);
  while (!ended_.load()) {
    pollfd polled = {kernel_, POLLIN, 0};
    if (poll(&polled, 1, 10) <= 0) continue;
    for (;;) {
      const ssize_t n = recv(kernel_, packet.data(), packet.size(), 0);
      if (n <= 0) break;
      if (overlooks_.load()) continue;
      const long payload = CheckWritten(packet.data(), static_cast<size_t>(n));
      Expect(payload >= 0, "a packet that the plane wrote is not what was sent");
      received_.fetch_add(static_cast<uint64_t>(payload));
      if (packet[1] != kGsoNone) super_packets_.fetch_add(1);
    }
    if ((polled.revents & (POLLHUP | POLLERR)) != 0) return;
  }
}

void Machine::SetPeer(const Machine& other, const Machine* relay, bool open) {
  PeerSpec spec{};
  spec.handle = other.number();
  spec.open = open;
  spec.cipher = cipher_;
  spec.path.known = true;
  spec.path.relay = relay != nullptr;
  spec.path.endpoint = relay != nullptr ? relay->endpoint() : other.endpoint();
  memcpy(spec.path.dst, other.id(), 8);
  for (const bool six : {false, true}) {
    AllowedPrefix prefix{six, static_cast<uint8_t>(six ? 128 : 32), {}};
    WriteAddress(prefix.bits, six, other.number());
    spec.allowed.push_back(prefix);
  }
  Expect(core_.SetPeer(spec, Now()) == Status::kOk, "a peer");
}

void Machine::SetCipher(const Machine& other, Cipher cipher) {
  cipher_ = cipher;
  SetPeer(other, nullptr);
}

void Machine::Report(const Event& event) {
  if (event.kind == EventKind::kTunLost) tun_lost_.fetch_add(1);
  punts_.Push(event);
}

void Machine::SendDatagram(const uint8_t* bytes, size_t length, const Endpoint& to) {
  workers_.port().SendNow(bytes, length, to);
}

void Rekey(Machine* initiator, Machine* responder, uint64_t seed) {
  static std::atomic<uint32_t> next_index{1};
  Keys keys[2];
  Random random(seed);
  for (Keys& each : keys) {
    random.Fill(each.chacha, sizeof each.chacha);
    random.Fill(each.aes, sizeof each.aes);
  }
  const uint32_t a = next_index.fetch_add(1);
  const uint32_t b = next_index.fetch_add(1);
  SessionSpec spec{};
  spec.expires_at = responder->Now() + 180'000;
  spec.peer = initiator->number();
  spec.local_index = b;
  spec.remote_index = a;
  spec.send = keys[1];
  spec.receive = keys[0];
  spec.initiator = false;
  Expect(responder->core().SetSession(spec, responder->Now()) == Status::kOk, "the responder's session");
  spec.peer = responder->number();
  spec.local_index = a;
  spec.remote_index = b;
  spec.send = keys[0];
  spec.receive = keys[1];
  spec.initiator = true;
  Expect(initiator->core().SetSession(spec, initiator->Now()) == Status::kOk, "the initiator's session");
  initiator->core().SendKeepAlive(responder->number(), initiator->Now());
}

}  // namespace kith
