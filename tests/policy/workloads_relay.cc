// What the relay does with its sockets once it is confined.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;

// Made before the policy is in force: connections that it has already.
int stream = -1;

bool HaveStream() {
  int pair[2];
  if (!Step(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair"))
    return false;
  stream = pair[0];
  return true;
}

bool HaveTcp() {
  stream = ::socket(AF_INET, SOCK_STREAM | kFlags, 0);
  return Step(stream >= 0, "socket");
}

bool Opens(int family, int type) {
  const int fd = ::socket(family, type | kFlags, 0);
  return Step(fd >= 0, "socket") && Step(::close(fd) == 0, "close");
}

bool Dials() { return Opens(AF_INET, SOCK_STREAM); }
bool DialsIpv6() { return Opens(AF_INET6, SOCK_STREAM); }
bool AsksForNames() { return Opens(AF_INET, SOCK_DGRAM); }
bool AsksForNamesIpv6() { return Opens(AF_INET6, SOCK_DGRAM); }

bool EndsOneDirection() { return Step(::shutdown(stream, SHUT_WR) == 0, "shutdown"); }

bool Sets(int level, int option, int value) {
  return Step(::setsockopt(stream, level, option, &value, sizeof(value)) == 0, "setsockopt");
}

bool PreparesAStream() {
  return Sets(IPPROTO_TCP, TCP_NODELAY, 1) && Sets(SOL_SOCKET, SO_KEEPALIVE, 1) &&
         Sets(IPPROTO_TCP, TCP_KEEPIDLE, 300) && Sets(IPPROTO_TCP, TCP_KEEPINTVL, 60) &&
         Sets(IPPROTO_TCP, TCP_KEEPCNT, 5);
}

bool BoundsBuffers() {
  return Sets(SOL_SOCKET, SO_RCVBUF, 1 << 17) && Sets(SOL_SOCKET, SO_SNDBUF, 1 << 17);
}

bool Resets() {
  const linger now = {1, 0};
  return Step(::setsockopt(stream, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0, "SO_LINGER");
}

bool WaitsForMoreBytes() {
  const int bytes = 100;
  return Step(::setsockopt(stream, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0,
              "SO_RCVLOWAT");
}

bool AsksOverTcp() {
  char length[] = {0, 2};
  char question[] = {1, 2};
  const iovec parts[] = {{length, sizeof(length)}, {question, sizeof(question)}};
  return Step(::writev(stream, parts, 2) == sizeof(length) + sizeof(question), "writev");
}

bool MakesNonBlocking() {
  const int flags = ::fcntl(stream, F_GETFL);
  return Step(flags >= 0, "F_GETFL") &&
         Step(::fcntl(stream, F_SETFL, flags | O_NONBLOCK) == 0, "F_SETFL");
}

bool MarksCloseOnExec() { return Step(::fcntl(stream, F_SETFD, FD_CLOEXEC) == 0, "F_SETFD"); }

bool Allocates() {
  constexpr size_t kSize = 1 << 20;
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!Step(memory != MAP_FAILED, "mmap")) return false;
  *static_cast<char*>(memory) = 1;
  return Step(::munmap(memory, kSize) == 0, "munmap");
}

// As the C library does where the vDSO has no clock.
bool AsksTheKernelForTheTime() {
  timespec now;
  timeval then;
  return Step(::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0, "clock_gettime") &&
         Step(::syscall(SYS_gettimeofday, &then, nullptr) == 0, "gettimeofday");
}

bool EndsWithItsLauncher() {
  return Step(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "PR_SET_PDEATHSIG");
}

}  // namespace

std::map<std::string, Workload> RelayWorkloads() {
  return {
      {"relay_dials", {Dials}},
      {"relay_dials_ipv6", {DialsIpv6}},
      {"relay_asks_for_names", {AsksForNames}},
      {"relay_asks_for_names_ipv6", {AsksForNamesIpv6}},
      {"relay_ends_one_direction", {EndsOneDirection, HaveStream}},
      {"relay_prepares_a_stream", {PreparesAStream, HaveTcp}},
      {"relay_bounds_buffers", {BoundsBuffers, HaveTcp}},
      {"relay_resets", {Resets, HaveTcp}},
      {"relay_waits_for_more_bytes", {WaitsForMoreBytes, HaveTcp}},
      {"relay_asks_over_tcp", {AsksOverTcp, HaveStream}},
      {"relay_makes_non_blocking", {MakesNonBlocking, HaveStream}},
      {"relay_marks_close_on_exec", {MarksCloseOnExec, HaveStream}},
      {"relay_allocates", {Allocates}},
      {"relay_asks_the_kernel_for_the_time", {AsksTheKernelForTheTime}},
      {"relay_ends_with_its_launcher", {EndsWithItsLauncher}},
  };
}

}  // namespace warren::testing
