#ifndef WARREN_RUNTIME_PLAN_LAUNCH_PLAN_H_
#define WARREN_RUNTIME_PLAN_LAUNCH_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "warren/config/policy.pb.h"
#include "warren/config/template.pb.h"
#include "warren/internal/plan.pb.h"

// Planning: what is asked for and what the host offers become data that the launcher carries out.
// Everything here is a pure function; golden tests compare the plans as text.
namespace warren {

// Identity of user code inside every sandbox.
inline constexpr uint32_t kUserUid = 1000;
inline constexpr uint32_t kUserGid = 1000;

// Profiles that run a client's code.
inline constexpr char kUserProfile[] = "user";
inline constexpr char kRootProfile[] = "root";

// The profiles that sandboxes of a template may have, in a fixed order: the recipe's, else "user".
std::vector<std::string> GrantedProfiles(const config::TemplateRecipe& recipe);

// Place of a profile among those of the plan; an empty name is the sandbox's own. INVALID_ARGUMENT
// names those that there are.
absl::StatusOr<int> ProfileIndex(const internal::LaunchPlan& plan, const std::string& profile);

// One lower layer of a template's root file system: what the launcher attaches as detached mount
// number i.
struct TemplatePart {
  // Where it appears inside: "/" for the first part, "/usr" and the like for directories of the
  // host.
  std::string target;
};
std::vector<TemplatePart> TemplateParts(const config::TemplateRecipe& recipe);

// Indices of the detached mounts that follow the template's parts.
struct FdIndices {
  int dev;
  // Warren's own Python files; attached where an interpreter starts inside (zygotes, templates with
  // start: EXEC).
  int worker;
};
FdIndices PlanFdIndices(const config::TemplateRecipe& recipe);

// What the launcher mounts Warren's own files on: tools, and Python files for who reads them.
inline constexpr char kWorkerDirectory[] = "/opt/warren";
// Where a sandbox has the packages that are installed into it, behind what its user has. Empty
// until there are some, which the launcher mounts on it.
inline constexpr char kPackagesDirectory[] = "/opt/packages";

// Processes beside the first that a sandbox can have groups for at a time.
inline constexpr int kMaxProcessGroups = 80;

// Resolves what is asked for into the plan of one sandbox: the limits by the request, the template
// and the policy, the rest by the template and the host. INVALID_ARGUMENT names what the policy
// does not allow; FAILED_PRECONDITION the limit that this host cannot enforce, and the remedy.
absl::StatusOr<internal::LaunchPlan> MakeLaunchPlan(const internal::SandboxSpec& spec,
                                                    const config::TemplateRecipe& recipe,
                                                    const config::LimitsPolicy& policy,
                                                    const internal::HostFacts& facts);

// One limit of a sandbox that lives: what to write, and what was in that file before.
struct LimitChange {
  internal::CgroupWrite write;
  internal::CgroupWrite undo;
};
// What makes limits `from` those of `to`, in this order; undone in the opposite one. Of memory,
// CPU time and processes: the other limits are no cgroup's.
std::vector<LimitChange> PlanLimitChange(const v1::Limits& from, const v1::Limits& to,
                                         const internal::HostFacts& facts);

// The mounts of a sandbox with these limits.
std::vector<internal::MountOp> SandboxMounts(const config::TemplateRecipe& recipe,
                                             const v1::Limits& limits,
                                             const internal::HostFacts& facts);

// The mounts of a template's zygote: those of a sandbox with a small writable layer and Warren's
// Python files.
std::vector<internal::MountOp> ZygoteMounts(const config::TemplateRecipe& recipe,
                                            const internal::HostFacts& facts);

}  // namespace warren

#endif  // WARREN_RUNTIME_PLAN_LAUNCH_PLAN_H_
