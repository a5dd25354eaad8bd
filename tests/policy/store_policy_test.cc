// What the store's policy promises, asked of its compiled filter.

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

std::string StoreAnswer(long number, std::initializer_list<uint64_t> arguments = {}) {
  static const auto* const kPolicy = new CompiledPolicy(CompileOrDie(LoadOrDie("store")));
  return AnswerTo(*kPolicy, Call(number, arguments));
}

TEST(StorePolicyTest, HasNoSocketButThoseThatItIsGiven) {
  for (long number : {SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen})
    EXPECT_EQ(StoreAnswer(number), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  for (long number : {SYS_accept, SYS_accept4, SYS_setsockopt})
    EXPECT_EQ(StoreAnswer(number), "ENOSYS") << SyscallName(static_cast<uint32_t>(number));
}

TEST(StorePolicyTest, MakesFilesAndNothingElseThatHasAName) {
  for (long number : {SYS_openat, SYS_mkdirat, SYS_linkat, SYS_renameat, SYS_unlinkat})
    EXPECT_EQ(StoreAnswer(number), "ALLOW") << SyscallName(static_cast<uint32_t>(number));
  // No link that leads elsewhere, no device, no other mode or owner than a file is made with.
  for (long number : {SYS_symlinkat, SYS_mknodat, SYS_fchmodat, SYS_fchownat})
    EXPECT_EQ(StoreAnswer(number), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  for (long number : {SYS_symlink, SYS_mknod, SYS_chmod, SYS_fchmod, SYS_chown, SYS_fchown,
                      SYS_lchown, SYS_setxattr, SYS_fsetxattr})
    EXPECT_EQ(StoreAnswer(number), "ENOSYS") << SyscallName(static_cast<uint32_t>(number));
}

TEST(StorePolicyTest, ExecutesNothingThatItWrote) {
  constexpr uint64_t kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
  EXPECT_EQ(StoreAnswer(SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, kPrivate}), "ALLOW");
  EXPECT_EQ(StoreAnswer(SYS_mprotect, {0, 4096, PROT_READ | PROT_WRITE}), "ALLOW");
  for (uint64_t protection :
       {PROT_EXEC, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC}) {
    EXPECT_EQ(StoreAnswer(SYS_mmap, {0, 4096, protection, kPrivate}), "ENOSYS") << protection;
    EXPECT_EQ(StoreAnswer(SYS_mprotect, {0, 4096, protection}), "EPERM") << protection;
  }
  EXPECT_EQ(StoreAnswer(SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 3}), "ENOSYS") << "a file";
  EXPECT_EQ(StoreAnswer(SYS_pkey_mprotect), "ENOSYS");
}

TEST(StorePolicyTest, StartsThreadsAndNoProcess) {
  constexpr uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                               CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                               CLONE_CHILD_CLEARTID;
  EXPECT_EQ(StoreAnswer(SYS_clone, {kThread}), "ALLOW");
  for (uint64_t flags : {uint64_t{SIGCHLD}, uint64_t{CLONE_VM | CLONE_VFORK | SIGCHLD},
                         kThread & ~uint64_t{CLONE_THREAD}, kThread | CLONE_NEWUSER})
    EXPECT_EQ(StoreAnswer(SYS_clone, {flags}), "ENOSYS") << flags;
  // Else glibc would not fall back to clone.
  EXPECT_EQ(StoreAnswer(SYS_clone3), "ENOSYS");
}

TEST(StorePolicyTest, TheFirstStepsOfATakeoverAnswerEperm) {
  for (long number : {SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_mount,
                      SYS_setns, SYS_unshare, SYS_fork, SYS_vfork, SYS_bpf, SYS_io_uring_setup}) {
    EXPECT_EQ(StoreAnswer(number), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
  EXPECT_EQ(StoreAnswer(SYS_prctl, {PR_SET_PDEATHSIG, SIGKILL}), "ALLOW");
  EXPECT_EQ(StoreAnswer(SYS_prctl, {PR_SET_PDEATHSIG, 0}), "ENOSYS");
  EXPECT_EQ(StoreAnswer(SYS_prctl, {PR_SET_DUMPABLE, 1}), "ENOSYS");
  for (long number : {SYS_kill, SYS_tgkill})
    EXPECT_EQ(StoreAnswer(number), "ENOSYS") << SyscallName(static_cast<uint32_t>(number));
}

}  // namespace
}  // namespace warren::testing
