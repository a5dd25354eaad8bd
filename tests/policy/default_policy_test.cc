// What the default policy promises, asked of its compiled filters. Each test is one claim.

#include <linux/net.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

constexpr uint64_t kHighBit = 1ULL << 32;

class DefaultPolicyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { policy_ = new CompiledPolicy(CompileOrDie(LoadOrDie("default"))); }
  static void TearDownTestSuite() { delete policy_; }
  static std::string Answer(long number, std::initializer_list<uint64_t> arguments = {}) {
    return AnswerTo(*policy_, Call(number, arguments));
  }

  static CompiledPolicy* policy_;
};
CompiledPolicy* DefaultPolicyTest::policy_ = nullptr;

TEST_F(DefaultPolicyTest, UnknownCallsAnswerLikeAnOlderKernel) {
  EXPECT_EQ(Answer(1000), "ENOSYS");
  EXPECT_EQ(Answer(0x3fffffff), "ENOSYS");
}

TEST_F(DefaultPolicyTest, OtherArchitecturesKill) {
  seccomp_data ia32 = Call(102);  // socketcall there
  ia32.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(AnswerTo(*policy_, ia32), "KILL_PROCESS");
  seccomp_data arm = Call(SYS_read);
  arm.arch = AUDIT_ARCH_AARCH64;
  EXPECT_EQ(AnswerTo(*policy_, arm), "KILL_PROCESS");
}

TEST_F(DefaultPolicyTest, X32CallsKill) {
  constexpr long kX32 = 0x40000000;
  EXPECT_EQ(Answer(kX32 | SYS_read), "KILL_PROCESS");
  EXPECT_EQ(Answer(kX32 | SYS_mount), "KILL_PROCESS");
}

TEST_F(DefaultPolicyTest, Clone3AnswersEnosysSoThatThreadsFallBack) {
  EXPECT_EQ(Answer(SYS_clone3, {0, 88}), "ENOSYS");
}

TEST_F(DefaultPolicyTest, CloneMakesThreadsAndProcesses) {
  EXPECT_EQ(Answer(SYS_clone, {SIGCHLD}), "ALLOW");
  EXPECT_EQ(Answer(SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}), "ALLOW");
  EXPECT_EQ(Answer(SYS_clone,
                   {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID}),
            "ALLOW");
}

TEST_F(DefaultPolicyTest, CloneMakesNoNamespaceWhateverTheHighBits) {
  for (uint64_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
                        CLONE_NEWPID, CLONE_NEWNET}) {
    for (uint64_t high : {uint64_t{0}, kHighBit, ~uint64_t{0} << 32}) {
      EXPECT_EQ(Answer(SYS_clone, {high | flag | SIGCHLD}), "EPERM") << std::hex << (high | flag);
    }
  }
  EXPECT_EQ(Answer(SYS_clone, {CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID}), "EPERM");
}

TEST_F(DefaultPolicyTest, CloneMakesNoChildOfTheZygote) {
  EXPECT_EQ(Answer(SYS_clone, {CLONE_PARENT | SIGCHLD}), "EPERM");
  EXPECT_EQ(Answer(SYS_clone, {kHighBit | CLONE_PARENT | SIGCHLD}), "EPERM");
}

TEST_F(DefaultPolicyTest, SocketFamiliesAreThoseOfLoopbackAndProcesses) {
  EXPECT_EQ(Answer(SYS_socket, {AF_UNIX, SOCK_STREAM, 0}), "ALLOW");
  for (uint64_t family : {AF_INET, AF_INET6}) {
    for (uint64_t protocol : {0, 6 /* TCP */, 17 /* UDP */}) {
      EXPECT_EQ(Answer(SYS_socket, {family, SOCK_STREAM | SOCK_CLOEXEC, protocol}), "ALLOW");
    }
    EXPECT_EQ(Answer(SYS_socket, {family, SOCK_STREAM, 132}), "ENOSYS") << "SCTP";
    EXPECT_EQ(Answer(SYS_socket, {family, SOCK_STREAM, 262}), "EPROTONOSUPPORT") << "MPTCP";
  }
}

TEST_F(DefaultPolicyTest, OtherSocketFamiliesAreClosedWhateverTheHighBits) {
  for (uint64_t family = 0; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK)
      continue;
    EXPECT_NE(Answer(SYS_socket, {family, SOCK_STREAM, 0}), "ALLOW") << family;
    EXPECT_NE(Answer(SYS_socket, {family | kHighBit, SOCK_STREAM, 0}), "ALLOW") << family;
  }
  // Allowed families by equality: set high bits fail closed.
  EXPECT_EQ(Answer(SYS_socket, {AF_UNIX | kHighBit, SOCK_STREAM, 0}), "ENOSYS");
}

TEST_F(DefaultPolicyTest, PacketSocketsAreClosedUnderTheirOldTypeToo) {
  EXPECT_EQ(Answer(SYS_socket, {AF_INET, SOCK_PACKET, 0}), "EPERM");
  EXPECT_EQ(Answer(SYS_socket, {AF_INET, kHighBit | SOCK_PACKET | SOCK_CLOEXEC, 0}), "EPERM");
}

TEST_F(DefaultPolicyTest, NetlinkIsForRoutesOnly) {
  EXPECT_EQ(Answer(SYS_socket, {AF_NETLINK, SOCK_RAW, 0}), "ALLOW");
  EXPECT_EQ(Answer(SYS_socket, {AF_NETLINK, SOCK_RAW, 9}), "EPROTONOSUPPORT") << "AUDIT";
  for (uint64_t protocol = 1; protocol < 32; ++protocol) {
    EXPECT_NE(Answer(SYS_socket, {AF_NETLINK, SOCK_RAW, protocol}), "ALLOW") << protocol;
  }
}

TEST_F(DefaultPolicyTest, SocketPairsAreUnix) {
  EXPECT_EQ(Answer(SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0}), "ALLOW");
  EXPECT_EQ(Answer(SYS_socketpair, {30, SOCK_STREAM, 0}), "ENOSYS") << "AF_TIPC";
}

TEST_F(DefaultPolicyTest, TerminalsWorkButTakeNoInputFromOthers) {
  for (uint64_t request : {TCGETS, TCSETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX}) {
    EXPECT_EQ(Answer(SYS_ioctl, {0, request}), "ALLOW") << std::hex << request;
  }
  for (uint64_t request : {TIOCSTI, TIOCLINUX, TIOCCONS, 0x894C /* SIOCGSKNS */}) {
    EXPECT_EQ(Answer(SYS_ioctl, {0, request}), "EPERM") << std::hex << request;
    EXPECT_EQ(Answer(SYS_ioctl, {0, request | kHighBit}), "EPERM") << std::hex << request;
  }
  EXPECT_EQ(Answer(SYS_ioctl, {3, 0x8910 /* SIOCGIFNAME */}), "ENOSYS");
  EXPECT_EQ(Answer(SYS_ioctl, {3, 0xb701 /* NS_GET_USERNS */}), "ENOSYS");
}

TEST_F(DefaultPolicyTest, PrctlNeitherRaisesNorReloads) {
  EXPECT_EQ(Answer(SYS_prctl, {PR_SET_NAME}), "ALLOW");
  EXPECT_EQ(Answer(SYS_prctl, {PR_SET_NO_NEW_PRIVS, 1}), "ALLOW");
  for (uint64_t option : {PR_SET_SECCOMP, PR_SET_PTRACER, PR_SET_MM, PR_CAP_AMBIENT,
                          PR_SET_SECUREBITS, PR_CAPBSET_DROP, PR_SET_KEEPCAPS}) {
    EXPECT_EQ(Answer(SYS_prctl, {option}), "ENOSYS") << option;
    EXPECT_EQ(Answer(SYS_prctl, {option | kHighBit}), "ENOSYS") << option;
  }
}

TEST_F(DefaultPolicyTest, PersonalityStaysWhatItIs) {
  EXPECT_EQ(Answer(SYS_personality, {0xffffffff}), "ALLOW");
  EXPECT_EQ(Answer(SYS_personality, {0}), "ALLOW");
  EXPECT_EQ(Answer(SYS_personality, {0x0400000 /* READ_IMPLIES_EXEC */}), "ENOSYS");
  EXPECT_EQ(Answer(SYS_personality, {0x0040000 /* ADDR_NO_RANDOMIZE */}), "ENOSYS");
}

TEST_F(DefaultPolicyTest, MknodatMakesFifosOnly) {
  EXPECT_EQ(Answer(SYS_mknodat, {0, 0, S_IFIFO | 0644, 0}), "ALLOW");
  for (uint64_t type : {S_IFBLK, S_IFCHR}) {
    EXPECT_EQ(Answer(SYS_mknodat, {0, 0, type | 0644, 0}), "EPERM");
    EXPECT_EQ(Answer(SYS_mknodat, {0, 0, kHighBit | type | 0644, 0}), "EPERM");
  }
  EXPECT_EQ(Answer(SYS_mknodat, {0, 0, S_IFREG | 0644, 0}), "ENOSYS");
  EXPECT_EQ(Answer(SYS_mknod, {0, S_IFIFO, 0}), "EPERM");
}

TEST_F(DefaultPolicyTest, ResourceLimitsAreTheCallersOwn) {
  EXPECT_EQ(Answer(SYS_prlimit64, {0, 7}), "ALLOW");
  EXPECT_EQ(Answer(SYS_prlimit64, {1, 7}), "ENOSYS");
}

TEST_F(DefaultPolicyTest, OutOfBandDataIsNeverSent) {
  constexpr uint64_t kFlags = MSG_OOB | MSG_NOSIGNAL;
  EXPECT_EQ(Answer(SYS_sendto, {3, 0, 0, MSG_NOSIGNAL}), "ALLOW");
  EXPECT_EQ(Answer(SYS_sendto, {3, 0, 0, kFlags}), "EOPNOTSUPP");
  EXPECT_EQ(Answer(SYS_sendto, {3, 0, 0, kFlags | kHighBit}), "EOPNOTSUPP");
  EXPECT_EQ(Answer(SYS_sendmsg, {3, 0, kFlags}), "EOPNOTSUPP");
  EXPECT_EQ(Answer(SYS_sendmmsg, {3, 0, 1, kFlags}), "EOPNOTSUPP");
}

TEST_F(DefaultPolicyTest, HugePagesAreNotToBeHad) {
  EXPECT_EQ(Answer(SYS_mmap, {0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS}), "ALLOW");
  EXPECT_EQ(Answer(SYS_memfd_create, {0, MFD_CLOEXEC}), "ALLOW");
  EXPECT_EQ(Answer(SYS_shmget, {0, 4096, IPC_CREAT | 0600}), "ALLOW");
  // Every size that can be asked for, the default (0) among them, whatever the high bits.
  for (uint64_t size = 0; size < 64; ++size) {
    for (uint64_t high : {uint64_t{0}, kHighBit, ~uint64_t{0} << 32}) {
      const uint64_t sized = high | size << 26;
      EXPECT_EQ(Answer(SYS_mmap, {0, 4096, 3, sized | MAP_HUGETLB | MAP_PRIVATE | MAP_ANONYMOUS}),
                "ENOMEM");
      EXPECT_EQ(Answer(SYS_mmap, {0, 4096, 3, sized | MAP_HUGETLB | MAP_SHARED}), "ENOMEM");
      EXPECT_EQ(Answer(SYS_memfd_create, {0, sized | MFD_HUGETLB | MFD_CLOEXEC}), "ENOMEM");
      EXPECT_EQ(Answer(SYS_shmget, {0, 4096, sized | SHM_HUGETLB | IPC_CREAT | 0600}), "ENOMEM");
    }
  }
}

// What lends pages of files to pipes and sockets is closed; EINVAL makes callers copy by hand.
TEST_F(DefaultPolicyTest, PagesOfFilesAreCopiedNotLent) {
  EXPECT_EQ(Answer(SYS_sendfile, {1, 3, 0, 4096}), "EINVAL");
  for (long number : {SYS_splice, SYS_tee, SYS_vmsplice}) EXPECT_EQ(Answer(number), "EPERM");
  EXPECT_EQ(Answer(SYS_copy_file_range, {3, 0, 4, 0, 4096, 0}), "ALLOW")
      << "from regular file to regular file only";
}

TEST_F(DefaultPolicyTest, SocketOptionsThatReachTooFarAreClosed) {
  struct Option {
    long call;
    uint64_t level;
    uint64_t name;
    const char* answer;
  };
  for (const Option& option : {Option{SYS_setsockopt, 6, 31, "ENOPROTOOPT"},    // TCP_ULP
                               Option{SYS_setsockopt, 17, 100, "ENOPROTOOPT"},  // UDP_ENCAP
                               Option{SYS_setsockopt, 1, 26, "EPERM"},          // SO_ATTACH_FILTER
                               Option{SYS_setsockopt, 1, 50, "EPERM"},          // SO_ATTACH_BPF
                               Option{SYS_setsockopt, 0, 64, "EPERM"},        // IPT_SO_SET_REPLACE
                               Option{SYS_setsockopt, 1, 76, "ENOPROTOOPT"},  // SO_PASSPIDFD
                               Option{SYS_getsockopt, 1, 77, "ENOPROTOOPT"}}) {  // SO_PEERPIDFD
    EXPECT_EQ(Answer(option.call, {3, option.level, option.name}), option.answer);
    EXPECT_EQ(Answer(option.call, {3, kHighBit | option.level, kHighBit | option.name}),
              option.answer);
    EXPECT_EQ(Answer(option.call, {3, option.level + 2, option.name}), "ALLOW");
  }
  EXPECT_EQ(Answer(SYS_setsockopt, {3, SOL_SOCKET, SO_REUSEADDR}), "ALLOW");
  EXPECT_EQ(Answer(SYS_setsockopt, {3, IPPROTO_TCP, 1 /* TCP_NODELAY */}), "ALLOW");
}

TEST_F(DefaultPolicyTest, KnownDangerousCallsAnswerEperm) {
  for (long number : {SYS_mount,
                      SYS_umount2,
                      SYS_pivot_root,
                      SYS_chroot,
                      SYS_fsopen,
                      SYS_fsconfig,
                      SYS_fsmount,
                      SYS_fspick,
                      SYS_open_tree,
                      SYS_move_mount,
                      SYS_mount_setattr,
                      SYS_unshare,
                      SYS_setns,
                      SYS_ptrace,
                      SYS_process_vm_readv,
                      SYS_process_vm_writev,
                      SYS_pidfd_getfd,
                      SYS_kcmp,
                      SYS_bpf,
                      SYS_perf_event_open,
                      SYS_userfaultfd,
                      SYS_keyctl,
                      SYS_add_key,
                      SYS_request_key,
                      SYS_io_uring_setup,
                      SYS_io_uring_enter,
                      SYS_io_uring_register,
                      SYS_splice,
                      SYS_tee,
                      SYS_vmsplice,
                      SYS_setuid,
                      SYS_setresuid,
                      SYS_setgroups,
                      SYS_capset,
                      SYS_modify_ldt,
                      SYS_iopl,
                      SYS_init_module,
                      SYS_finit_module,
                      SYS_kexec_load,
                      SYS_open_by_handle_at,
                      SYS_syslog,
                      SYS_reboot,
                      SYS_clock_settime,
                      SYS_mbind}) {
    EXPECT_EQ(Answer(number), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
}

TEST_F(DefaultPolicyTest, SeccompIsClosedOnceBothFiltersAreIn) {
  ASSERT_EQ(policy_->filters.size(), 2U);
  EXPECT_EQ(Answer(SYS_seccomp, {1, 0}), "ENOSYS");
  // Between the two, the second one must still go in.
  auto first = EvaluateFilter(policy_->filters[0], Call(SYS_seccomp, {1, 0}));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ActionName(*first), "ALLOW");
}

TEST_F(DefaultPolicyTest, LibzmqFindsWhatItAbortsWithout) {
  EXPECT_EQ(Answer(SYS_sched_setscheduler), "ALLOW");
  EXPECT_EQ(Answer(SYS_socket, {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0}), "ALLOW");
}

}  // namespace
}  // namespace warren::testing
