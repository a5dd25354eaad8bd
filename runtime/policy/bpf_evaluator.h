#ifndef WARREN_RUNTIME_POLICY_BPF_EVALUATOR_H_
#define WARREN_RUNTIME_POLICY_BPF_EVALUATOR_H_

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

// Runs seccomp filters in this process, as the kernel would, so that a policy can be tested without
// privilege and without living under it. Thread-safe, no state.
namespace warren {

// What one filter answers (a SECCOMP_RET_* value with its data). An instruction that the kernel
// refuses in seccomp filters, a jump out of the program or a division by zero is INVALID_ARGUMENT.
absl::StatusOr<uint32_t> EvaluateFilter(std::span<const sock_filter> filter,
                                        const seccomp_data& data);

// What the kernel does with a stack of filters, given in the order of their installation: the
// strictest action wins; among equal actions, the filter that was installed last.
absl::StatusOr<uint32_t> EvaluateFilters(const std::vector<std::vector<sock_filter>>& filters,
                                         const seccomp_data& data);

// "ALLOW", "EPERM", "KILL_PROCESS", ...
std::string ActionName(uint32_t action);

}  // namespace warren

#endif  // WARREN_RUNTIME_POLICY_BPF_EVALUATOR_H_
