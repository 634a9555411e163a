#include "workers.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace kith {
namespace {

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

int Workers::Start(const WorkersInit& init) {
  wake_in_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  wake_out_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_in_ < 0 || wake_out_ < 0) {
    const int error = errno;
    CloseAll({&wake_in_, &wake_out_});
    return error;
  }
  init_ = init;
  port_.v4 = init.udp4;
  port_.v6 = init.udp6;
  port_.gso = init.offloads;
  ended_.store(false);
  // Signals are for Node's main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&inbound_, nullptr, RunInbound, this);
  if (error == 0) {
    error = pthread_create(&outbound_, nullptr, RunOutbound, this);
    if (error != 0) {
      ended_.store(true);
      Poke(wake_in_);
      pthread_join(inbound_, nullptr);
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    CloseAll({&wake_in_, &wake_out_});
    return error;
  }
  pthread_setname_np(inbound_, "kith-in");
  pthread_setname_np(outbound_, "kith-out");
  running_ = true;
  return 0;
}

void Workers::Stop() {
  if (!running_) return;
  running_ = false;
  ended_.store(true);
  Poke(wake_in_);
  Poke(wake_out_);
  pthread_join(inbound_, nullptr);
  pthread_join(outbound_, nullptr);
  port_.v4 = port_.v6 = -1;
  CloseAll({&init_.tun, &init_.udp4, &init_.udp6, &wake_in_, &wake_out_});
}

void Workers::Wake() {
  if (running_ && !pthread_equal(pthread_self(), inbound_)) Poke(wake_in_);
}

}  // namespace kith
