#ifndef WARREN_TESTS_POLICY_POLICY_TESTING_H_
#define WARREN_TESTS_POLICY_POLICY_TESTING_H_

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/policy/bpf_evaluator.h"
#include "runtime/policy/seccomp_policy.h"

// What the policy tests share. Tests run in the source directory.
namespace warren::testing {

inline std::string PolicyPath(const std::string& name) {
  return absl::StrCat("policies/seccomp/", name, ".textproto");
}

inline config::SeccompPolicy LoadOrDie(const std::string& name) {
  auto policy = LoadSeccompPolicy(PolicyPath(name));
  if (!policy.ok()) ADD_FAILURE() << policy.status();
  return policy.value();
}

inline CompiledPolicy CompileOrDie(const config::SeccompPolicy& policy) {
  auto compiled = CompileSeccompPolicy(policy);
  if (!compiled.ok()) ADD_FAILURE() << compiled.status();
  return compiled.value();
}

inline seccomp_data Call(long number, std::initializer_list<uint64_t> arguments = {}) {
  seccomp_data data = {static_cast<int>(number), AUDIT_ARCH_X86_64, 0, {}};
  size_t i = 0;
  for (uint64_t argument : arguments) data.args[i++] = argument;
  return data;
}

inline std::string AnswerTo(const CompiledPolicy& policy, const seccomp_data& data) {
  auto action = EvaluateFilters(policy.filters, data);
  return action.ok() ? ActionName(*action) : action.status().ToString();
}

}  // namespace warren::testing

#endif  // WARREN_TESTS_POLICY_POLICY_TESTING_H_
