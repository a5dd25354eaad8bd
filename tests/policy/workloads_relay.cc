// What the relay does with its sockets once it is confined.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tests/policy/service_steps.h"
#include "tests/policy/workloads.h"

namespace warren::testing {
namespace {

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
  stream = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return Step(stream >= 0, "socket");
}

bool EndsOneDirection() { return Step(::shutdown(stream, SHUT_WR) == 0, "shutdown"); }

bool Sets(int level, int option, int value) { return SetsOption(stream, level, option, value); }

bool PreparesAStream() {
  return Sets(IPPROTO_TCP, TCP_NODELAY, 1) && Sets(SOL_SOCKET, SO_KEEPALIVE, 1) &&
         Sets(IPPROTO_TCP, TCP_KEEPIDLE, 300) && Sets(IPPROTO_TCP, TCP_KEEPINTVL, 60) &&
         Sets(IPPROTO_TCP, TCP_KEEPCNT, 5);
}

bool BoundsBuffers() {
  return Sets(SOL_SOCKET, SO_RCVBUF, 1 << 17) && Sets(SOL_SOCKET, SO_SNDBUF, 1 << 17);
}

bool Resets() { return PreparesReset(stream); }

bool WaitsForMoreBytes() { return Sets(SOL_SOCKET, SO_RCVLOWAT, 100); }

bool AsksOverTcp() {
  char length[] = {0, 2};
  char question[] = {1, 2};
  const iovec parts[] = {{length, sizeof(length)}, {question, sizeof(question)}};
  return Step(::writev(stream, parts, 2) == sizeof(length) + sizeof(question), "writev");
}

bool MakesStreamNonBlocking() { return MakesNonBlocking(stream); }

bool MarksCloseOnExec() { return Step(::fcntl(stream, F_SETFD, FD_CLOEXEC) == 0, "F_SETFD"); }

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
      {"relay_makes_non_blocking", {MakesStreamNonBlocking, HaveStream}},
      {"relay_marks_close_on_exec", {MarksCloseOnExec, HaveStream}},
      {"relay_allocates", {AllocatesMemory}},
      {"relay_asks_the_kernel_for_the_time", {AsksTheKernelForTheTime}},
      {"relay_ends_with_its_launcher", {EndsWithItsLauncher}},
  };
}

}  // namespace warren::testing
