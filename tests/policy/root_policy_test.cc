// What the policy of root adds to that of user code: changes of identity, and nothing else.

#include <map>
#include <set>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

std::map<uint32_t, std::string> Answers(const CompiledPolicy& policy) {
  std::map<uint32_t, std::string> answers;
  for (uint32_t number = 0; number < 1000; ++number) {
    answers[number] = AnswerTo(policy, Call(number));
  }
  return answers;
}

TEST(RootPolicyTest, AddsChangesOfIdentityAndNothingElse) {
  const auto user = Answers(CompileOrDie(LoadOrDie("default")));
  const auto root = Answers(CompileOrDie(LoadOrDie("root")));
  std::set<std::string> more;
  for (const auto& [number, answer] : root) {
    if (answer == user.at(number)) continue;
    EXPECT_EQ(answer, "ALLOW") << SyscallName(number);
    more.insert(SyscallName(number));
  }
  EXPECT_EQ(more, (std::set<std::string>{"setuid", "setgid", "setreuid", "setregid", "setresuid",
                                         "setresgid", "setgroups", "setfsuid", "setfsgid"}));
}

// Filters stack: what the zygote's does not pass, no context gets.
TEST(RootPolicyTest, TheZygotesFilterPassesAllOfIt) {
  const auto root = Answers(CompileOrDie(LoadOrDie("root")));
  const auto zygote = Answers(CompileOrDie(LoadOrDie("zygote")));
  for (const auto& [number, answer] : root) {
    if (answer == "ALLOW") {
      EXPECT_EQ(zygote.at(number), "ALLOW") << SyscallName(number);
    }
  }
}

TEST(RootPolicyTest, WhatRootDoesElsewhereStaysClosed) {
  const CompiledPolicy root = CompileOrDie(LoadOrDie("root"));
  for (long number : {SYS_mount, SYS_umount2, SYS_unshare, SYS_setns, SYS_chroot, SYS_pivot_root,
                      SYS_ptrace, SYS_capset, SYS_bpf, SYS_init_module, SYS_keyctl, SYS_quotactl,
                      SYS_open_by_handle_at, SYS_reboot, SYS_sethostname, SYS_process_vm_writev}) {
    EXPECT_EQ(AnswerTo(root, Call(number)), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
}

}  // namespace
}  // namespace warren::testing
