// What the policy of a sandbox's init promises, asked of its compiled filter.

#include <map>
#include <string>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

constexpr uint64_t kControlFd = 3;
// Above every call of today's kernels.
constexpr long kNumbers = 600;

std::string Answer(long number, std::initializer_list<uint64_t> arguments = {}) {
  static const auto* const kPolicy = new CompiledPolicy(CompileOrDie(LoadOrDie("init")));
  return AnswerTo(*kPolicy, Call(number, arguments));
}

TEST(InitPolicyTest, AllowsWhatInitCallsAndNothingElse) {
  std::map<long, std::string> allowed;
  for (long number = 0; number < kNumbers; ++number) {
    if (Answer(number, {kControlFd}) == "ALLOW")
      allowed[number] = SyscallName(static_cast<uint32_t>(number));
  }
  EXPECT_EQ(allowed,
            (std::map<long, std::string>{
                {SYS_read, "read"}, {SYS_sendmsg, "sendmsg"}, {SYS_exit_group, "exit_group"}}));
}

TEST(InitPolicyTest, ReachesNoDescriptorButTheControlSocket) {
  for (uint64_t fd : {0, 1, 2, 4, 5, 1 << 20}) {
    EXPECT_EQ(Answer(SYS_read, {fd}), "ENOSYS") << fd;
    EXPECT_EQ(Answer(SYS_sendmsg, {fd}), "ENOSYS") << fd;
  }
}

TEST(InitPolicyTest, TheFirstStepsOfATakeoverAnswerEperm) {
  for (long number : {SYS_execve, SYS_execveat, SYS_ptrace, SYS_mount, SYS_setns, SYS_unshare,
                      SYS_clone, SYS_clone3, SYS_fork, SYS_vfork, SYS_socket, SYS_openat}) {
    EXPECT_EQ(Answer(number), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
}

}  // namespace
}  // namespace warren::testing
