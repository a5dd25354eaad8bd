#ifndef WARREN_TESTS_POLICY_INIT_PROGRAM_H_
#define WARREN_TESTS_POLICY_INIT_PROGRAM_H_

#include "runtime/policy/seccomp_policy.h"

namespace warren::testing {

// The life of the real warren-init as pid 1 of a sandbox, from its set-up to the end of its control
// socket, with `policy` as the one that it puts on itself. False when it does not report, does not
// wait or does not end with 0; Step has said which.
bool RunInitProgram(const CompiledPolicy& policy);

}  // namespace warren::testing

#endif  // WARREN_TESTS_POLICY_INIT_PROGRAM_H_
