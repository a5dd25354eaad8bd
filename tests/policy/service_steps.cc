#include "tests/policy/service_steps.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/policy/workloads.h"

namespace warren::testing {
namespace {

bool OpensSocket(int family, int type) {
  const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return Step(fd >= 0, "socket") && Step(::close(fd) == 0, "close");
}

}  // namespace

bool Dials() { return OpensSocket(AF_INET, SOCK_STREAM); }
bool DialsIpv6() { return OpensSocket(AF_INET6, SOCK_STREAM); }
bool AsksForNames() { return OpensSocket(AF_INET, SOCK_DGRAM); }
bool AsksForNamesIpv6() { return OpensSocket(AF_INET6, SOCK_DGRAM); }

bool SetsOption(int fd, int level, int option, int value) {
  return Step(::setsockopt(fd, level, option, &value, sizeof(value)) == 0, "setsockopt");
}

bool MakesNonBlocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return Step(flags >= 0, "F_GETFL") &&
         Step(::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0, "F_SETFL");
}

bool PreparesReset(int fd) {
  const linger now = {1, 0};
  return Step(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0, "SO_LINGER");
}

bool AllocatesMemory() {
  constexpr size_t kSize = 1 << 20;
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!Step(memory != MAP_FAILED, "mmap")) return false;
  *static_cast<char*>(memory) = 1;
  return Step(::munmap(memory, kSize) == 0, "munmap");
}

bool StartsAThread() {
  pthread_t thread;
  const auto body = [](void*) -> void* { return nullptr; };
  return Step(::pthread_create(&thread, nullptr, body, nullptr) == 0, "pthread_create") &&
         Step(::pthread_join(thread, nullptr) == 0, "pthread_join");
}

bool AsksTheKernelForTheTime() {
  timespec now;
  timeval then;
  return Step(::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0, "clock_gettime") &&
         Step(::syscall(SYS_gettimeofday, &then, nullptr) == 0, "gettimeofday");
}

bool EndsWithItsLauncher() {
  return Step(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "PR_SET_PDEATHSIG");
}

}  // namespace warren::testing
