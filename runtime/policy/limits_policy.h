#ifndef WARREN_RUNTIME_POLICY_LIMITS_POLICY_H_
#define WARREN_RUNTIME_POLICY_LIMITS_POLICY_H_

#include <string>

#include "absl/status/statusor.h"
#include "warren/config/policy.pb.h"
#include "warren/config/template.pb.h"
#include "warren/v1/common.pb.h"

// Limits policies: what a sandbox gets where nobody says, and the range that a caller may ask for.
// Pure but for the reading of the file; thread-safe.
namespace warren {

// Reads and validates a limits policy: for every limit 0 < minimum <= default <= maximum, except
// that a default of 0 stands for "disk_bytes" (file_size_bytes) and for "no bound" (cpu_seconds).
absl::StatusOr<config::LimitsPolicy> LoadLimitsPolicy(const std::string& path);

// The limits of one sandbox: the request's where set, else the template's, else the policy's
// default. A requested value outside the policy's range is INVALID_ARGUMENT and names the limit,
// the value and the range; a template's is FAILED_PRECONDITION, for the operator to resolve.
absl::StatusOr<v1::Limits> ResolveLimits(
    const config::LimitsPolicy& policy, const v1::Limits& requested,
    const config::TemplateRecipe::DefaultLimits& template_limits);

// The limits of a sandbox that lives, after a change from `current`: those of `wanted` where set.
// INVALID_ARGUMENT for what cannot be changed later, or is outside of the policy's range: both name
// the limit.
absl::StatusOr<v1::Limits> ChangeLimits(const config::LimitsPolicy& policy,
                                        const v1::Limits& current, const v1::Limits& wanted);

}  // namespace warren

#endif  // WARREN_RUNTIME_POLICY_LIMITS_POLICY_H_
