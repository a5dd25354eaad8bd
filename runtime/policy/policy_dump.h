#ifndef WARREN_RUNTIME_POLICY_POLICY_DUMP_H_
#define WARREN_RUNTIME_POLICY_POLICY_DUMP_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/policy/seccomp_policy.h"

namespace warren {

// What a compiled policy does, as text for people and golden files: one paragraph a system call in
// the order of the numbers, with the reasons of the policy beside the answers of the filters. The
// answers come from evaluating the BPF, so that the text shows what the kernel will do rather than
// what was meant. Calls that only get the default answer are left out. Thread-safe.
absl::StatusOr<std::string> DumpPolicy(const config::SeccompPolicy& policy,
                                       const CompiledPolicy& compiled);

}  // namespace warren

#endif  // WARREN_RUNTIME_POLICY_POLICY_DUMP_H_
