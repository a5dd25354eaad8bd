// What the relay's policy promises, asked of its compiled filter.

#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

std::string RelayAnswer(long number, std::initializer_list<uint64_t> arguments = {}) {
  static const auto* const kPolicy = new CompiledPolicy(CompileOrDie(LoadOrDie("relay")));
  return AnswerTo(*kPolicy, Call(number, arguments));
}

TEST(RelayPolicyTest, HasTcpAndUdpAndNoOtherSocket) {
  for (uint64_t family : {AF_INET, AF_INET6}) {
    for (int type : {+SOCK_STREAM, +SOCK_DGRAM, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC})
      EXPECT_EQ(RelayAnswer(SYS_socket, {family, static_cast<uint64_t>(type), 0}), "ALLOW");
    for (uint64_t type : {SOCK_RAW, SOCK_SEQPACKET, SOCK_PACKET, SOCK_RDM})
      EXPECT_EQ(RelayAnswer(SYS_socket, {family, type, 0}), "ENOSYS") << type;
    for (uint64_t protocol : {IPPROTO_SCTP, IPPROTO_MPTCP, IPPROTO_ICMP, IPPROTO_DCCP})
      EXPECT_EQ(RelayAnswer(SYS_socket, {family, SOCK_STREAM, protocol}), "ENOSYS") << protocol;
  }
  for (uint64_t family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG})
    EXPECT_EQ(RelayAnswer(SYS_socket, {family, SOCK_DGRAM, 0}), "ENOSYS") << family;
  // It serves nowhere: the listeners that it has are sandboxes'.
  for (long number : {SYS_bind, SYS_listen}) EXPECT_EQ(RelayAnswer(number), "EPERM") << number;
  EXPECT_EQ(RelayAnswer(SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0}), "ENOSYS");
}

TEST(RelayPolicyTest, SetsNoOptionThatReachesDeep) {
  EXPECT_EQ(RelayAnswer(SYS_setsockopt, {5, SOL_SOCKET, SO_LINGER}), "ALLOW");
  EXPECT_EQ(RelayAnswer(SYS_setsockopt, {5, IPPROTO_TCP, TCP_NODELAY}), "ALLOW");
  EXPECT_EQ(RelayAnswer(SYS_setsockopt, {5, IPPROTO_TCP, TCP_ULP}), "ENOSYS");
  EXPECT_EQ(RelayAnswer(SYS_setsockopt, {5, IPPROTO_TCP, TCP_REPAIR}), "ENOSYS");
  for (uint64_t option : {SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF,
                          SO_BINDTODEVICE, SO_MARK, SO_REUSEPORT})
    EXPECT_EQ(RelayAnswer(SYS_setsockopt, {5, SOL_SOCKET, option}), "ENOSYS") << option;
  EXPECT_EQ(RelayAnswer(SYS_setsockopt, {5, IPPROTO_IP, IP_TRANSPARENT}), "ENOSYS");
}

TEST(RelayPolicyTest, ExecutesNothingThatItWrote) {
  constexpr uint64_t kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
  EXPECT_EQ(RelayAnswer(SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, kPrivate}), "ALLOW");
  for (uint64_t protection : {PROT_EXEC, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC})
    EXPECT_EQ(RelayAnswer(SYS_mmap, {0, 4096, protection, kPrivate}), "ENOSYS") << protection;
  EXPECT_EQ(RelayAnswer(SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 3}), "ENOSYS") << "a file";
  EXPECT_EQ(RelayAnswer(SYS_mprotect, {0, 4096, PROT_EXEC}), "EPERM");
  EXPECT_EQ(RelayAnswer(SYS_pkey_mprotect), "ENOSYS");
}

TEST(RelayPolicyTest, TheFirstStepsOfATakeoverAnswerEperm) {
  for (long number : {SYS_execve, SYS_execveat, SYS_ptrace, SYS_mount, SYS_setns, SYS_unshare,
                      SYS_clone, SYS_clone3, SYS_fork, SYS_vfork, SYS_open, SYS_openat, SYS_openat2,
                      SYS_bpf, SYS_io_uring_setup}) {
    EXPECT_EQ(RelayAnswer(number), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
  EXPECT_EQ(RelayAnswer(SYS_prctl, {PR_SET_PDEATHSIG, SIGKILL}), "ALLOW");
  EXPECT_EQ(RelayAnswer(SYS_prctl, {PR_SET_PDEATHSIG, 0}), "ENOSYS");
  EXPECT_EQ(RelayAnswer(SYS_prctl, {PR_SET_DUMPABLE, 1}), "ENOSYS");
  EXPECT_EQ(RelayAnswer(SYS_kill), "ENOSYS");
}

}  // namespace
}  // namespace warren::testing
