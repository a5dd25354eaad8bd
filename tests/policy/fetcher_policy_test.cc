// What the fetcher's policy promises, asked of its compiled filter.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

std::string FetcherAnswer(long number, std::initializer_list<uint64_t> arguments = {}) {
  static const auto* const kPolicy = new CompiledPolicy(CompileOrDie(LoadOrDie("fetcher")));
  return AnswerTo(*kPolicy, Call(number, arguments));
}

TEST(FetcherPolicyTest, HasTcpUdpAndPairs) {
  for (uint64_t family : {AF_INET, AF_INET6}) {
    for (int type : {+SOCK_STREAM, +SOCK_DGRAM, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC})
      EXPECT_EQ(FetcherAnswer(SYS_socket, {family, static_cast<uint64_t>(type), 0}), "ALLOW");
    for (uint64_t type : {SOCK_RAW, SOCK_SEQPACKET, SOCK_PACKET, SOCK_RDM})
      EXPECT_EQ(FetcherAnswer(SYS_socket, {family, type, 0}), "ENOSYS") << type;
    for (uint64_t protocol : {IPPROTO_SCTP, IPPROTO_MPTCP, IPPROTO_ICMP, IPPROTO_DCCP})
      EXPECT_EQ(FetcherAnswer(SYS_socket, {family, SOCK_STREAM, protocol}), "ENOSYS") << protocol;
  }
  for (uint64_t family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG})
    EXPECT_EQ(FetcherAnswer(SYS_socket, {family, SOCK_DGRAM, 0}), "ENOSYS") << family;
  EXPECT_EQ(FetcherAnswer(SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0}), "ALLOW");
  EXPECT_EQ(FetcherAnswer(SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0}), "ENOSYS");
  // It serves nowhere: the connections that it answers were handed to it.
  for (long number : {SYS_bind, SYS_listen}) EXPECT_EQ(FetcherAnswer(number), "EPERM") << number;
  EXPECT_EQ(FetcherAnswer(SYS_accept4), "ENOSYS");
}

TEST(FetcherPolicyTest, SetsNoOptionThatReachesDeep) {
  EXPECT_EQ(FetcherAnswer(SYS_setsockopt, {5, SOL_SOCKET, SO_LINGER}), "ALLOW");
  EXPECT_EQ(FetcherAnswer(SYS_setsockopt, {5, IPPROTO_TCP, TCP_NODELAY}), "ALLOW");
  EXPECT_EQ(FetcherAnswer(SYS_setsockopt, {5, IPPROTO_TCP, TCP_ULP}), "ENOSYS");
  EXPECT_EQ(FetcherAnswer(SYS_setsockopt, {5, IPPROTO_TCP, TCP_REPAIR}), "ENOSYS");
  for (uint64_t option : {SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF,
                          SO_BINDTODEVICE, SO_MARK, SO_REUSEPORT})
    EXPECT_EQ(FetcherAnswer(SYS_setsockopt, {5, SOL_SOCKET, option}), "ENOSYS") << option;
  EXPECT_EQ(FetcherAnswer(SYS_setsockopt, {5, IPPROTO_IP, IP_TRANSPARENT}), "ENOSYS");
}

TEST(FetcherPolicyTest, OpensFilesToReadAlone) {
  const auto opened = [](int flags) {
    return FetcherAnswer(SYS_openat, {0, 0, static_cast<uint64_t>(flags)});
  };
  EXPECT_EQ(opened(O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), "ALLOW");
  EXPECT_EQ(opened(O_RDONLY | O_DIRECTORY | O_CLOEXEC), "ALLOW");
  for (int flag : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE | O_WRONLY, O_TMPFILE})
    EXPECT_EQ(opened(O_CLOEXEC | flag), "ENOSYS") << flag;
  for (long number : {SYS_unlinkat, SYS_renameat, SYS_linkat, SYS_mkdirat, SYS_ftruncate,
                      SYS_fallocate, SYS_pwrite64})
    EXPECT_EQ(FetcherAnswer(number), "ENOSYS") << SyscallName(static_cast<uint32_t>(number));
}

TEST(FetcherPolicyTest, ExecutesNothingThatItWrote) {
  constexpr uint64_t kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
  EXPECT_EQ(FetcherAnswer(SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, kPrivate}), "ALLOW");
  EXPECT_EQ(FetcherAnswer(SYS_mprotect, {0, 4096, PROT_READ | PROT_WRITE}), "ALLOW");
  for (uint64_t protection :
       {PROT_EXEC, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC}) {
    EXPECT_EQ(FetcherAnswer(SYS_mmap, {0, 4096, protection, kPrivate}), "ENOSYS") << protection;
    EXPECT_EQ(FetcherAnswer(SYS_mprotect, {0, 4096, protection}), "EPERM") << protection;
  }
  EXPECT_EQ(FetcherAnswer(SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 3}), "ENOSYS") << "a file";
  EXPECT_EQ(FetcherAnswer(SYS_pkey_mprotect), "ENOSYS");
}

TEST(FetcherPolicyTest, StartsThreadsAndNoProcess) {
  constexpr uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                               CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                               CLONE_CHILD_CLEARTID;
  EXPECT_EQ(FetcherAnswer(SYS_clone, {kThread}), "ALLOW");
  for (uint64_t flags : {uint64_t{SIGCHLD}, uint64_t{CLONE_VM | CLONE_VFORK | SIGCHLD},
                         kThread & ~uint64_t{CLONE_THREAD}, kThread | CLONE_NEWUSER})
    EXPECT_EQ(FetcherAnswer(SYS_clone, {flags}), "ENOSYS") << flags;
  // Else glibc would not fall back to clone.
  EXPECT_EQ(FetcherAnswer(SYS_clone3), "ENOSYS");
}

TEST(FetcherPolicyTest, TheFirstStepsOfATakeoverAnswerEperm) {
  for (long number :
       {SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_mount, SYS_setns,
        SYS_unshare, SYS_fork, SYS_vfork, SYS_open, SYS_openat2, SYS_bpf, SYS_io_uring_setup}) {
    EXPECT_EQ(FetcherAnswer(number), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
  EXPECT_EQ(FetcherAnswer(SYS_prctl, {PR_SET_PDEATHSIG, SIGKILL}), "ALLOW");
  EXPECT_EQ(FetcherAnswer(SYS_prctl, {PR_SET_PDEATHSIG, 0}), "ENOSYS");
  EXPECT_EQ(FetcherAnswer(SYS_prctl, {PR_SET_DUMPABLE, 1}), "ENOSYS");
  for (long number : {SYS_kill, SYS_tgkill})
    EXPECT_EQ(FetcherAnswer(number), "ENOSYS") << SyscallName(static_cast<uint32_t>(number));
}

}  // namespace
}  // namespace warren::testing
