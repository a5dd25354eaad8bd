#ifndef WARREN_RUNTIME_POLICY_PROFILE_H_
#define WARREN_RUNTIME_POLICY_PROFILE_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/config/profile.pb.h"

// Profiles: what a kind of process is and may do, as text → checked message → the numbers that the
// kernel takes. Pure but for the reading of the file; thread-safe.
namespace warren {

// Names of seccomp policies.
using PolicyNames = std::set<std::string, std::less<>>;

// Reads policies/profiles/NAME.textproto and validates it. INVALID_ARGUMENT names the file, what is
// wrong and what to write instead.
absl::StatusOr<config::ProfilePolicy> LoadProfile(const std::string& path,
                                                  const PolicyNames& seccomp_policies);

// What LoadProfile checks:
//   - the name is one of the six; user and group are given, and 0 for none but Warren's own and
//     "root";
//   - the capabilities are among those that this kind of process may have at most. No text gives
//     user code SYS_ADMIN or NET_ADMIN;
//   - the securebits fit: who has no capability keeps root from getting any by exec, who has some
//     neither loses them by exec nor keeps them with another identity;
//   - no_new_privs is set, Landlock decided, init, agent and relay are undumpable;
//   - resource limits are not those that the sandbox's limits decide;
//   - the seccomp policy exists.
absl::Status ValidateProfile(const config::ProfilePolicy& profile,
                             const PolicyNames& seccomp_policies);

// Bits by capability number, of a valid profile.
uint64_t CapabilityMask(const config::ProfilePolicy& profile);
// As prctl(PR_SET_SECUREBITS) takes them, of a valid profile.
uint32_t Securebits(const config::ProfilePolicy& profile);

// "SYS_ADMIN" is 21.
absl::StatusOr<int> CapabilityNumber(absl::string_view name);

}  // namespace warren

#endif  // WARREN_RUNTIME_POLICY_PROFILE_H_
