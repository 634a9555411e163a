// Sends UDP datagrams at a rate, or counts them: many per system call, so that little of the machine goes to measuring.
// Every datagram is a packet of its own on its way; nothing is left to be cut later.
//
//   datagrams receive PORT               prints "ready", later {"received":N,"seconds":S}
//   datagrams send ADDRESS PORT SIZE RATE COUNT      prints {"sent":N,"seconds":S}
//
// The receiver counts until it is asked to end (SIGTERM); both end by themselves in any case.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr int kBatch = 32;
constexpr int kBuffer = 4 << 20;
constexpr double kSilence = 3;      // seconds after the last datagram
constexpr double kPatience = 8;     // seconds until the first
constexpr long kNap = 50'000;       // nanoseconds while nothing is due
constexpr double kDebt = 0.002;     // seconds of datagrams that are made up for when the sender had to wait
constexpr double kLonger = 3;       // times what sending should take, at most

volatile sig_atomic_t asked_to_end = 0;

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

int fail(const char* what) {
  perror(what);
  return 1;
}

void widen(int fd, int forced, int plain) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kBuffer, sizeof kBuffer) != 0)
    setsockopt(fd, SOL_SOCKET, plain, &kBuffer, sizeof kBuffer);
}

void patience(int fd, double seconds) {
  timeval t{};
  t.tv_sec = static_cast<time_t>(seconds);
  t.tv_usec = static_cast<suseconds_t>((seconds - static_cast<double>(t.tv_sec)) * 1e6);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

struct Batch {
  std::vector<char> bytes;
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> messages{};

  explicit Batch(size_t size) : bytes(size * kBatch) {
    for (int i = 0; i < kBatch; i++) {
      parts[i] = {bytes.data() + size * static_cast<size_t>(i), size};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

int receive(int fd, int port) {
  widen(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(static_cast<uint16_t>(port));
  if (bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) return fail("bind");
  Batch batch(2048);
  patience(fd, kPatience);
  struct sigaction ending {};
  ending.sa_handler = [](int) { asked_to_end = 1; };
  sigaction(SIGTERM, &ending, nullptr);  // no SA_RESTART: it interrupts the waiting
  puts("ready");
  fflush(stdout);
  long received = 0;
  double first = 0;
  double last = 0;
  for (;;) {
    // What has arrived by the end still counts.
    const int flags = asked_to_end != 0 ? MSG_DONTWAIT : MSG_WAITFORONE;
    int n = recvmmsg(fd, batch.messages.data(), kBatch, flags, nullptr);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    last = now();
    if (received == 0) {
      first = last;
      patience(fd, kSilence);
    }
    received += n;
  }
  printf("{\"received\":%ld,\"seconds\":%.6f}\n", received, last - first);
  return 0;
}

int send(int fd, const char* address, int port, size_t size, double rate, long count) {
  widen(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  sockaddr_in remote{};
  remote.sin_family = AF_INET;
  remote.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, address, &remote.sin_addr) != 1) return fail("address");
  if (connect(fd, reinterpret_cast<sockaddr*>(&remote), sizeof remote) != 0) return fail("connect");
  Batch batch(size);
  const double begin = now();
  double schedule = begin;
  const double end = begin + kLonger * static_cast<double>(count) / rate;
  long sent = 0;
  while (sent < count) {
    const double at = now();
    if (at > end) break;
    // Everything that was missed at once would be a flood, not the rate that was asked for.
    schedule = std::max(schedule, at - kDebt - static_cast<double>(sent) / rate);
    const long due = std::min({count, static_cast<long>((at - schedule) * rate) + 1, sent + kBatch}) - sent;
    if (due <= 0) {
      const timespec nap{0, kNap};
      nanosleep(&nap, nullptr);
      continue;
    }
    int n = sendmmsg(fd, batch.messages.data(), static_cast<unsigned>(due), 0);
    // A refusal is the answer to an earlier datagram: that one is lost, this one was not tried.
    if (n < 0 && errno == ECONNREFUSED) continue;
    if (n < 0) return fail("sendmmsg");
    sent += n;
  }
  printf("{\"sent\":%ld,\"seconds\":%.6f}\n", sent, now() - begin);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("socket");
  if (argc == 3 && strcmp(argv[1], "receive") == 0) return receive(fd, atoi(argv[2]));
  if (argc == 7 && strcmp(argv[1], "send") == 0) {
    const long size = atol(argv[4]);
    const double rate = atof(argv[5]);
    if (size > 0 && size <= 2048 && rate >= 1)
      return send(fd, argv[2], atoi(argv[3]), static_cast<size_t>(size), rate, atol(argv[6]));
  }
  fputs("datagrams receive PORT | datagrams send ADDRESS PORT SIZE(1..2048) RATE COUNT\n", stderr);
  return 2;
}
