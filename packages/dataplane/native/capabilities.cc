// setCapabilities(numbers): every thread of the process keeps only the named capabilities.
//
// The kernel keeps capabilities per thread, and Node has started threads before any JavaScript runs. So each thread is
// sent a signal whose handler makes the calls, and afterwards the kernel is asked whether it worked (capabilities(7)).
#include <dirent.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "napi_util.h"

namespace kith {
namespace {

constexpr int kLastCapability = 63;
constexpr size_t kKernelSignalSet = 8;

// The signal with which the C library itself reaches all threads in setuid(). Node's helper threads block every signal,
// but this one cannot be blocked. Only this process's own code runs it, and not while we do.
#ifdef __GLIBC__
constexpr int kSignal = 33;
#else
constexpr int kSignal = 34;  // musl
#endif

std::atomic<uint64_t> wanted{0};
std::atomic<int> failure{0};

// Async-signal-safe: system calls only.
void DropHere() {
  const uint64_t keep = wanted.load();
  for (int i = 0; i <= kLastCapability; i++) {
    // EINVAL: beyond the last capability of this kernel. EPERM: without SETPCAP the bounding set stays, see the caller.
    if ((keep >> i & 1) == 0) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  }
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[2]{};
  for (int i = 0; i < 2; i++) {
    const uint32_t half = static_cast<uint32_t>(keep >> (32 * i));
    data[i].effective = half;
    data[i].permitted = half;
    data[i].inheritable = half;
  }
  if (syscall(SYS_capset, &header, data) != 0) {
    failure.store(errno);
    return;
  }
  // Ambient, so that `ip` may configure the interface although the user is not root.
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int i = 0; i <= kLastCapability; i++) {
    if (keep >> i & 1) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
  }
}

void OnSignal(int) {
  const int saved = errno;
  DropHere();
  errno = saved;
}

// What the kernel takes as an action, unseen: its layout differs by architecture, and the C library fills it in.
struct KernelAction {
  alignas(16) unsigned char bytes[64];
};

// Installs OnSignal for kSignal, which the C library's sigaction() refuses: it is installed for another signal first and
// carried over as the kernel reports it.
bool TakeSignal(KernelAction* before) {
  const int detour = SIGRTMAX - 3;
  struct sigaction action {};
  struct sigaction detour_before {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  KernelAction ours{};
  if (sigaction(detour, &action, &detour_before) != 0) return false;
  const bool taken = syscall(SYS_rt_sigaction, detour, nullptr, &ours, kKernelSignalSet) == 0 &&
                     syscall(SYS_rt_sigaction, kSignal, &ours, before, kKernelSignalSet) == 0;
  sigaction(detour, &detour_before, nullptr);
  return taken;
}

// Effective and permitted capabilities of a thread that are not wanted, or 0. A thread that ended has none.
uint64_t Surplus(pid_t thread) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
  FILE* file = fopen(path, "re");
  if (file == nullptr) return 0;
  uint64_t held = 0;
  char line[256];
  while (fgets(line, sizeof line, file) != nullptr) {
    unsigned long long value = 0;
    if (sscanf(line, "CapPrm: %llx", &value) == 1 || sscanf(line, "CapEff: %llx", &value) == 1) held |= value;
  }
  fclose(file);
  return held & ~wanted.load();
}

// Sends the signal to every other thread that still holds too much. Returns how many there were, or -1.
int SignalOthers() {
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return -1;
  const pid_t self = static_cast<pid_t>(syscall(SYS_gettid));
  int surplus = 0;
  while (const dirent* entry = readdir(tasks)) {
    const pid_t thread = static_cast<pid_t>(atoi(entry->d_name));
    if (thread <= 0 || thread == self || Surplus(thread) == 0) continue;
    surplus++;
    syscall(SYS_tgkill, getpid(), thread, kSignal);
  }
  closedir(tasks);
  return surplus;
}

}  // namespace

napi_value SetCapabilities(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value list;
  uint32_t count = 0;
  napi_get_cb_info(env, info, &argc, &list, nullptr, nullptr);
  if (argc < 1 || napi_get_array_length(env, list, &count) != napi_ok) {
    return ThrowType(env, "setCapabilities(numbers)");
  }
  uint64_t keep = 0;
  for (uint32_t i = 0; i < count; i++) {
    napi_value item;
    uint32_t number = 0;
    if (napi_get_element(env, list, i, &item) != napi_ok || napi_get_value_uint32(env, item, &number) != napi_ok ||
        number > kLastCapability) {
      return ThrowType(env, "setCapabilities(numbers): a capability is a number of 0..63");
    }
    keep |= uint64_t{1} << number;
  }
  wanted.store(keep);
  failure.store(0);
  DropHere();
  if (failure.load() != 0) return ThrowErrno(env, "capset", failure.load());

  KernelAction before{};
  if (!TakeSignal(&before)) return ThrowErrno(env, "rt_sigaction", errno);
  int left = -1;
  for (int round = 0; round < 200; round++) {
    left = SignalOthers();
    if (left <= 0) break;
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
  }
  // With a thread left the handler stays: a signal may be pending, and would end the process.
  if (left == 0) syscall(SYS_rt_sigaction, kSignal, &before, nullptr, kKernelSignalSet);
  if (failure.load() != 0) return ThrowErrno(env, "capset", failure.load());
  if (left != 0) return ThrowErrno(env, "capset in another thread", ETIMEDOUT);
  return nullptr;
}

}  // namespace kith
