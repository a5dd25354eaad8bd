// The compiled filters against an independent reading of the policy's text, over many arguments:
// libseccomp is known to merge rules into something else than was written.

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

constexpr uint32_t kCallsToTry = 600;
constexpr uint64_t kBit32 = 1ULL << 32;

bool Holds(const config::SeccompRule& rule, const seccomp_data& data) {
  return std::all_of(rule.arguments().begin(), rule.arguments().end(), [&](const auto& condition) {
    uint64_t argument = data.args[condition.index()];
    if (!condition.has_masked_equal()) return argument == condition.equal();
    return (argument & condition.masked_equal().mask()) == condition.masked_equal().value();
  });
}

// The policy as a person reads it.
class Model {
 public:
  explicit Model(const config::SeccompPolicy& policy) {
    for (const auto& rule : policy.allow()) Index(rule, &allow_);
    for (const auto& rule : policy.deny()) Index(rule, &deny_);
    for (const auto& rule : policy.deny_arguments()) Index(rule, &deny_arguments_);
  }

  // The answers that the text permits: several where overlapping rules of deny_arguments name
  // different errnos.
  std::set<std::string> Answers(const seccomp_data& data) const {
    uint32_t number = static_cast<uint32_t>(data.nr);
    std::set<std::string> denied = Errors(deny_arguments_, number, data);
    if (!denied.empty()) return denied;
    denied = Errors(deny_, number, data);
    if (!denied.empty()) return denied;
    auto rules = allow_.find(number);
    if (rules == allow_.end()) return {"ENOSYS"};
    bool allowed = std::any_of(rules->second.begin(), rules->second.end(),
                               [&](const auto& rule) { return Holds(rule, data); });
    return {allowed ? "ALLOW" : "ENOSYS"};
  }

  // Values at which the answer may change: those of the rules, their neighbours and their doubles
  // with high bits.
  std::vector<uint64_t> Values(uint32_t number, unsigned index) const {
    std::vector<uint64_t> values = {0, 1, UINT32_MAX, UINT64_MAX};
    for (const auto* rules : {&allow_, &deny_arguments_}) {
      auto found = rules->find(number);
      if (found == rules->end()) continue;
      for (const auto& rule : found->second) {
        for (const auto& condition : rule.arguments()) {
          if (condition.index() != index) continue;
          uint64_t value =
              condition.has_masked_equal() ? condition.masked_equal().value() : condition.equal();
          values.insert(values.end(), {value, value ^ 1, value | kBit32, value | 0x80000});
          if (condition.has_masked_equal())
            values.push_back(~condition.masked_equal().mask() | value);
        }
      }
    }
    return values;
  }

  const std::map<uint32_t, std::vector<config::SeccompRule>>& deny_arguments() const {
    return deny_arguments_;
  }

 private:
  using RulesOfCall = std::map<uint32_t, std::vector<config::SeccompRule>>;

  static void Index(const config::SeccompRule& rule, RulesOfCall* rules) {
    for (const std::string& name : rule.syscalls())
      (*rules)[SyscallNumber(name).value()].push_back(rule);
  }

  static std::set<std::string> Errors(const RulesOfCall& rules, uint32_t number,
                                      const seccomp_data& data) {
    std::set<std::string> errors;
    auto found = rules.find(number);
    if (found == rules.end()) return errors;
    for (const auto& rule : found->second) {
      if (Holds(rule, data)) errors.insert(rule.error().empty() ? "EPERM" : rule.error());
    }
    return errors;
  }

  RulesOfCall allow_;
  RulesOfCall deny_;
  RulesOfCall deny_arguments_;
};

class PolicyModelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PolicyModelTest, FiltersSayWhatTheTextSays) {
  config::SeccompPolicy policy = LoadOrDie(GetParam());
  CompiledPolicy compiled = CompileOrDie(policy);
  Model model(policy);
  std::mt19937_64 random(20240611);
  for (uint32_t number = 0; number < kCallsToTry; ++number) {
    std::vector<std::vector<uint64_t>> values;
    size_t rounds = 8;
    for (unsigned index = 0; index < 6; ++index) {
      values.push_back(model.Values(number, index));
      if (values.back().size() > 4) rounds += 40 * values.back().size();
    }
    for (size_t round = 0; round < rounds; ++round) {
      seccomp_data data = Call(number);
      for (unsigned index = 0; index < 6; ++index) {
        data.args[index] =
            random() % 16 == 0 ? random() : values[index][random() % values[index].size()];
      }
      std::set<std::string> expected = model.Answers(data);
      ASSERT_TRUE(expected.contains(AnswerTo(compiled, data)))
          << SyscallName(number) << std::hex << " " << data.args[0] << " " << data.args[1] << " "
          << data.args[2] << " " << data.args[3] << " gets " << AnswerTo(compiled, data)
          << ", want " << *expected.begin();
    }
  }
}

// The kernel looks at the low half of an int argument only; so must what is denied.
TEST_P(PolicyModelTest, NoHighBitsGetPastADeniedArgument) {
  config::SeccompPolicy policy = LoadOrDie(GetParam());
  CompiledPolicy compiled = CompileOrDie(policy);
  std::mt19937_64 random(7);
  Model model(policy);
  for (const auto& [number, rules] : model.deny_arguments()) {
    for (const auto& rule : rules) {
      for (int round = 0; round < 200; ++round) {
        seccomp_data data = Call(number);
        for (auto& argument : data.args) argument = random();
        for (const auto& condition : rule.arguments()) {
          auto& argument = data.args[condition.index()];
          argument =
              (argument & ~condition.masked_equal().mask()) | condition.masked_equal().value();
        }
        ASSERT_NE(AnswerTo(compiled, data), "ALLOW") << rule.ShortDebugString();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, PolicyModelTest,
                         ::testing::Values("default", "root", "agent", "zygote", "init", "relay",
                                           "fetcher", "store"),
                         [](const auto& parameter) { return std::string(parameter.param); });

struct ParentAndChild {
  const char* parent;
  const char* child;
};

// Filters stack and stay: what that of the process which starts them refuses, no context and no
// command gets back.
class StackedPolicyTest : public ::testing::TestWithParam<ParentAndChild> {};

TEST_P(StackedPolicyTest, TheParentsPassesAllThatItsChildrenMayDo) {
  config::SeccompPolicy user_policy = LoadOrDie(GetParam().child);
  CompiledPolicy user = CompileOrDie(user_policy);
  CompiledPolicy zygote = CompileOrDie(LoadOrDie(GetParam().parent));
  Model model(user_policy);
  std::mt19937_64 random(11);
  for (uint32_t number = 0; number < kCallsToTry; ++number) {
    for (int round = 0; round < 200; ++round) {
      seccomp_data data = Call(number);
      for (unsigned index = 0; index < 6; ++index) {
        std::vector<uint64_t> values = model.Values(number, index);
        data.args[index] = values[random() % values.size()];
      }
      if (AnswerTo(user, data) != "ALLOW") continue;
      ASSERT_EQ(AnswerTo(zygote, data), "ALLOW") << SyscallName(number);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, StackedPolicyTest,
                         ::testing::Values(ParentAndChild{"zygote", "default"},
                                           ParentAndChild{"zygote", "root"},
                                           ParentAndChild{"agent", "default"},
                                           ParentAndChild{"agent", "root"}),
                         [](const auto& parameter) {
                           return absl::StrCat(parameter.param.parent, "_", parameter.param.child);
                         });

TEST(AgentPolicyTest, ConfinesACommandAndEntersNoNamespace) {
  CompiledPolicy agent = CompileOrDie(LoadOrDie("agent"));
  for (long number : {SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset}) {
    EXPECT_EQ(AnswerTo(agent, Call(number)), "ALLOW") << SyscallName(static_cast<uint32_t>(number));
  }
  for (long number : {SYS_setns, SYS_unshare, SYS_mount, SYS_ptrace, SYS_bpf, SYS_init_module,
                      SYS_open_by_handle_at, SYS_keyctl, SYS_io_uring_setup}) {
    EXPECT_EQ(AnswerTo(agent, Call(number)), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
}

TEST(ZygotePolicyTest, ConfinesAContextAndDoesLittleElse) {
  CompiledPolicy zygote = CompileOrDie(LoadOrDie("zygote"));
  for (long number : {SYS_setns, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset}) {
    EXPECT_EQ(AnswerTo(zygote, Call(number)), "ALLOW")
        << SyscallName(static_cast<uint32_t>(number));
  }
  EXPECT_EQ(AnswerTo(zygote, Call(SYS_seccomp, {1, 0})), "ALLOW");
  EXPECT_EQ(AnswerTo(zygote, Call(SYS_seccomp, {1, 8 /* NEW_LISTENER */})), "ENOSYS");
  for (long number : {SYS_mount, SYS_ptrace, SYS_bpf, SYS_init_module, SYS_kexec_load,
                      SYS_open_by_handle_at, SYS_unshare, SYS_keyctl, SYS_io_uring_setup}) {
    EXPECT_EQ(AnswerTo(zygote, Call(number)), "EPERM")
        << SyscallName(static_cast<uint32_t>(number));
  }
  EXPECT_EQ(AnswerTo(zygote, Call(SYS_clone3)), "ENOSYS");
}

// The stack of a context: the zygote's filters, then its own.
TEST(ZygotePolicyTest, UserCodeKeepsNothingOfItsPrivileges) {
  CompiledPolicy stack = CompileOrDie(LoadOrDie("zygote"));
  CompiledPolicy user = CompileOrDie(LoadOrDie("default"));
  stack.filters.insert(stack.filters.end(), user.filters.begin(), user.filters.end());
  for (long number : {SYS_setns, SYS_setresuid, SYS_setgroups, SYS_capset}) {
    EXPECT_EQ(AnswerTo(stack, Call(number)), "EPERM") << SyscallName(static_cast<uint32_t>(number));
  }
  EXPECT_EQ(AnswerTo(stack, Call(SYS_seccomp, {1, 0})), "ENOSYS");
  EXPECT_EQ(AnswerTo(stack, Call(SYS_landlock_restrict_self)), "ENOSYS");
  EXPECT_EQ(AnswerTo(stack, Call(SYS_prctl, {24})), "ENOSYS");
  EXPECT_EQ(AnswerTo(stack, Call(SYS_clone, {0x10000000 | 17})), "EPERM");
  EXPECT_EQ(AnswerTo(stack, Call(SYS_read)), "ALLOW");
}

}  // namespace
}  // namespace warren::testing
