#ifndef WARREN_RUNTIME_POLICY_SECCOMP_POLICY_H_
#define WARREN_RUNTIME_POLICY_SECCOMP_POLICY_H_

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/config/policy.pb.h"

// Seccomp policies: text → checked message → BPF → bytes for post-fork code.
// Lifecycle: LoadSeccompPolicy → CompileSeccompPolicy → SerializePolicy; all before the fork, none
// keeps state. Thread-safe. Policies are written for x86-64; every other architecture of a call
// (ia32, x32) kills the process.
namespace warren {

// Reads a policy file, merges the policy that it extends (same directory), and validates the
// result. Errors are INVALID_ARGUMENT with the file, the rule and what to change.
absl::StatusOr<config::SeccompPolicy> LoadSeccompPolicy(const std::string& path);

// What LoadSeccompPolicy checks, for a policy made otherwise:
//   - every rule has a reason and names calls that exist on x86-64, by name where libseccomp knows
//   one;
//   - a call is allowed outright, or denied outright, or allowed by argument rules: never two of
//   them. libseccomp merges
//     overlapping rules of one call into something else than was written;
//   - deny_arguments compare the low 32 bits only: the kernel truncates ints while BPF sees 64
//   bits, so that a deny by
//     equality is passed by setting bit 32. Allow rules may use equality, which fails closed.
absl::Status ValidateSeccompPolicy(const config::SeccompPolicy& policy);

struct CompiledPolicy {
  std::string name;
  // To be installed in this order: the allow-list, then the argument deny-list. On equal actions
  // the kernel takes the errno of the filter that was installed last.
  std::vector<std::vector<sock_filter>> filters;
};

// `policy` must be valid. When there are two filters the first lets seccomp(2) through for the
// second's sake, and the second takes it away (unless the policy allows it).
absl::StatusOr<CompiledPolicy> CompileSeccompPolicy(const config::SeccompPolicy& policy);

// The bytes that policy_blob.h reads.
std::string SerializePolicy(const CompiledPolicy& policy);

// Number of a system call on x86-64, by the kernel's name or "#NUMBER".
absl::StatusOr<uint32_t> SyscallNumber(absl::string_view name);

// Name of a system call on x86-64, or "#NUMBER".
std::string SyscallName(uint32_t number);

// Value of an errno's name: "EPERM" is 1.
absl::StatusOr<uint16_t> ErrnoValue(absl::string_view name);

}  // namespace warren

#endif  // WARREN_RUNTIME_POLICY_SECCOMP_POLICY_H_
