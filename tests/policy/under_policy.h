#ifndef WARREN_TESTS_POLICY_UNDER_POLICY_H_
#define WARREN_TESTS_POLICY_UNDER_POLICY_H_

#include <functional>
#include <string>

#include "runtime/policy/seccomp_policy.h"

namespace warren::testing {

struct ChildOutcome {
  // As waitpid gives it.
  int status = 0;
  // What the child wrote to its stderr.
  std::string errors;

  bool Succeeded() const;
  // The signal that ended it; 0 for none.
  int Signal() const;
};

// Runs `body` in a child in an empty directory of its own; it succeeds when that returns true. The
// child ends after some seconds at the latest. Single-threaded callers only.
ChildOutcome RunApart(const std::function<bool()>& body);

// Runs `prepare`, then installs `policy` for good, then runs `body`, all as RunApart does;
// it succeeds when both return true.
ChildOutcome RunUnderPolicy(const CompiledPolicy& policy, const std::function<bool()>& prepare,
                            const std::function<bool()>& body);

}  // namespace warren::testing

#endif  // WARREN_TESTS_POLICY_UNDER_POLICY_H_
