#include "workers.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace kith {
namespace {

// What comes at once while one thread suffices: more of it, and the other one helps.
constexpr size_t kManyBytes = 32 * 1024;
constexpr size_t kManyPackets = 16;
// Milliseconds without that after which the other one is let go.
constexpr double kBusyFor = 100;
// Nanoseconds: the kernel's least, and its own choice.
constexpr uint64_t kShortestSlice = 100'000;
constexpr uint64_t kUsualSlice = 0;

void Poke(int fd) {
  const uint64_t one = 1;
  if (write(fd, &one, sizeof one) < 0) return;  // full: it is awake already
}

void CloseAll(std::initializer_list<int*> descriptors) {
  for (int* fd : descriptors) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
}

}  // namespace

double Workers::Now() const {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6 + init_.clock_offset;
}

void Workers::Settle(int fd) {
  uint64_t count;
  if (read(fd, &count, sizeof count) < 0) return;  // taken back before
}

// Since Linux 6.12 a thread that asks for short slices interrupts one that has longer ones; before, this does nothing.
// Its share of the processor stays what it is. An idle machine answers an echo sooner without.
void Workers::AskForShortSlices(bool ask) {
  struct {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    // Nanoseconds.
    uint64_t runtime, deadline, period;
  } attributes{};
  static_assert(sizeof attributes == 48, "struct sched_attr, first version");
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 || attributes.policy != SCHED_OTHER) return;
  attributes.runtime = ask ? kShortestSlice : kUsualSlice;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

int Workers::Start(const WorkersInit& init) {
  events_ = epoll_create1(EPOLL_CLOEXEC);
  wake_in_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  wake_out_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (events_ < 0 || wake_in_ < 0 || wake_out_ < 0) {
    const int error = errno;
    CloseAll({&events_, &wake_in_, &wake_out_});
    return error;
  }
  init_ = init;
  port_.v4 = init.udp4;
  port_.v6 = init.udp6;
  port_.gso = init.offloads;
  ended_.store(false);
  tun_lost_.store(false);
  shared_.store(false);
  outbound_ = std::make_unique<Outbound>(core_, &port_, init.tun);
  // Signals are for Node's main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&in_, nullptr, RunInbound, this);
  if (error == 0) {
    error = pthread_create(&out_, nullptr, RunOutbound, this);
    if (error != 0) {
      ended_.store(true);
      Poke(wake_in_);
      pthread_join(in_, nullptr);
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    CloseAll({&events_, &wake_in_, &wake_out_});
    return error;
  }
  pthread_setname_np(in_, "kith-in");
  pthread_setname_np(out_, "kith-out");
  running_ = true;
  return 0;
}

void Workers::Stop() {
  if (!running_) return;
  running_ = false;
  ended_.store(true);
  Poke(wake_in_);
  Poke(wake_out_);
  pthread_join(in_, nullptr);
  pthread_join(out_, nullptr);
  outbound_.reset();
  port_.v4 = port_.v6 = -1;
  CloseAll({&init_.tun, &init_.udp4, &init_.udp6, &events_, &wake_in_, &wake_out_});
}

void* Workers::RunOutbound(void* self) {
  static_cast<Workers*>(self)->RunOut();
  return nullptr;
}

void Workers::RunOut() {
  AskForShortSlices(true);
  while (!ended()) {
    const bool has = shared_.load(std::memory_order_acquire);
    pollfd polled[2] = {{wake_out_, POLLIN, 0}, {has ? tun() : -1, POLLIN, 0}};
    if (poll(polled, 2, has ? static_cast<int>(kBusyFor) : -1) < 0 && errno != EINTR) return;
    if (polled[0].revents != 0) Settle(wake_out_);
    if (!has || ended()) continue;
    if (polled[1].revents != 0) DrainTun(false);
    if (tun() >= 0 && IsBusy(Now())) continue;
    shared_.store(false, std::memory_order_release);
    Poke(wake_in_);
  }
}

void Workers::DrainTun(bool little) {
  const double now = Now();
  const Outbound::Taken taken = outbound_->Drain(now, little);
  NoteLoad(taken.bytes, taken.packets, now);
  if (taken.alive) return;
  tun_lost_.store(true, std::memory_order_relaxed);
  sink_->Report(Event(EventKind::kTunLost, now));
}

void Workers::ShareTun() {
  shared_.store(true, std::memory_order_release);
  Poke(wake_out_);
}

void Workers::NoteLoad(size_t bytes, size_t packets, double now) {
  if (bytes >= kManyBytes || packets >= kManyPackets) busy_at_.store(now, std::memory_order_relaxed);
}

bool Workers::IsBusy(double now) const { return now - busy_at_.load(std::memory_order_relaxed) < kBusyFor; }

void Workers::Wake() {
  if (running_ && !pthread_equal(pthread_self(), in_)) Poke(wake_in_);
}

}  // namespace kith
