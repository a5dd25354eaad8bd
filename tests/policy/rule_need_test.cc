// No rule without a need. An allow rule is there because a trace of real work shows its calls, or
// because a workload that it names in needed_by fails without it: the workload runs under the
// policy, and again without the rule.

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <string>

#include "tests/policy/policy_testing.h"
#include "tests/policy/under_policy.h"
#include "tests/policy/workloads.h"

namespace warren::testing {
namespace {

std::set<std::string> ObservedCalls() {
  std::set<std::string> calls;
  std::ifstream file("tests/policy/observed_syscalls.txt");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') calls.insert(line);
  }
  return calls;
}

std::set<std::string> NeedsOf(const config::SeccompPolicy& policy) {
  std::set<std::string> names;
  for (const auto& rule : policy.allow()) {
    names.insert(rule.needed_by().begin(), rule.needed_by().end());
  }
  return names;
}

ChildOutcome RunWorkload(const config::SeccompPolicy& policy, const std::string& name) {
  const Workload& workload = AllWorkloads().at(name);
  if (workload.program != nullptr) {
    CompiledPolicy compiled = CompileOrDie(policy);
    return RunApart([&] { return workload.program(compiled); });
  }
  auto prepare = [&] { return workload.prepare == nullptr || workload.prepare(); };
  return RunUnderPolicy(CompileOrDie(policy), prepare, workload.run);
}

bool Names(const config::SeccompRule& rule, const std::string& call) {
  return std::find(rule.syscalls().begin(), rule.syscalls().end(), call) != rule.syscalls().end();
}

// The policy without one call of one allow rule.
config::SeccompPolicy Without(const config::SeccompPolicy& policy, int rule_index,
                              const std::string& call) {
  config::SeccompPolicy result = policy;
  auto* rule = result.mutable_allow(rule_index);
  rule->clear_syscalls();
  for (const std::string& name : policy.allow(rule_index).syscalls()) {
    if (name != call) rule->add_syscalls(name);
  }
  if (rule->syscalls().empty()) result.mutable_allow()->DeleteSubrange(rule_index, 1);
  bool still_allowed = std::any_of(result.allow().begin(), result.allow().end(),
                                   [&](const auto& left) { return Names(left, call); });
  // A denial of the arguments of a call that is not allowed is invalid.
  for (int i = result.deny_arguments_size() - 1; i >= 0 && !still_allowed; --i) {
    if (Names(result.deny_arguments(i), call))
      result.mutable_deny_arguments()->DeleteSubrange(i, 1);
  }
  return result;
}

class RuleNeedTest : public ::testing::TestWithParam<const char*> {
 protected:
  RuleNeedTest() : policy_(LoadOrDie(GetParam())) {}
  config::SeccompPolicy policy_;
};

TEST_P(RuleNeedTest, EveryRuleIsObservedOrNamesItsNeed) {
  std::set<std::string> observed = ObservedCalls();
  ASSERT_GT(observed.size(), 100U);
  for (const auto& rule : policy_.allow()) {
    for (const std::string& name : rule.needed_by()) {
      EXPECT_TRUE(AllWorkloads().contains(name)) << name << " is in no tests/policy/workloads_*.cc";
    }
    if (!rule.needed_by().empty()) continue;
    // A trace of names says nothing about arguments.
    EXPECT_TRUE(rule.arguments().empty())
        << rule.syscalls(0) << " with conditions: name the workload that needs it";
    for (const std::string& call : rule.syscalls()) {
      EXPECT_TRUE(observed.contains(call))
          << "nothing needs " << call << ": take it out, or name a workload that fails without";
    }
  }
}

TEST_P(RuleNeedTest, WorkloadsWorkUnderThePolicy) {
  for (const std::string& name : NeedsOf(policy_)) {
    ChildOutcome outcome = RunWorkload(policy_, name);
    EXPECT_TRUE(outcome.Succeeded())
        << name << ": " << outcome.errors << "wait status " << outcome.status;
  }
}

TEST_P(RuleNeedTest, WorkloadsFailWithoutTheirRule) {
  for (int i = 0; i < policy_.allow_size(); ++i) {
    const auto& rule = policy_.allow(i);
    std::set<std::string> unconvincing(rule.needed_by().begin(), rule.needed_by().end());
    if (unconvincing.empty()) continue;
    for (const std::string& call : rule.syscalls()) {
      config::SeccompPolicy without = Without(policy_, i, call);
      bool needed = false;
      for (const std::string& name : rule.needed_by()) {
        if (RunWorkload(without, name).Succeeded()) continue;
        needed = true;
        unconvincing.erase(name);
      }
      EXPECT_TRUE(needed) << call << " (" << rule.reason() << ") is allowed, but "
                          << rule.needed_by(0) << " does without it";
    }
    for (const std::string& name : unconvincing) {
      ADD_FAILURE() << name << " needs nothing of the rule of " << rule.syscalls(0)
                    << " that names it";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, RuleNeedTest,
                         ::testing::Values("default", "root", "agent", "zygote", "init", "relay",
                                           "fetcher", "store"),
                         [](const auto& parameter) { return std::string(parameter.param); });

// The trace against the lists: what real work calls is allowed, or refused on purpose.
TEST(ObservedCallsTest, AreAllowedOrRefusedByName) {
  config::SeccompPolicy policy = LoadOrDie("default");
  std::set<std::string> known;
  for (const auto* list : {&policy.allow(), &policy.deny()}) {
    for (const auto& rule : *list) known.insert(rule.syscalls().begin(), rule.syscalls().end());
  }
  for (const std::string& call : ObservedCalls()) EXPECT_TRUE(known.contains(call)) << call;
}

TEST(WorkloadsTest, EachIsNamedByARule) {
  std::set<std::string> named;
  for (const char* policy :
       {"default", "root", "agent", "zygote", "init", "relay", "fetcher", "store"})
    named.merge(NeedsOf(LoadOrDie(policy)));
  for (const auto& [name, workload] : AllWorkloads()) {
    EXPECT_TRUE(named.contains(name)) << "no rule names the workload " << name;
  }
}

}  // namespace
}  // namespace warren::testing
