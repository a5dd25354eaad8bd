#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_PACK_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_PACK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/launch/child/agent_setup.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/launcher/process_profiles.h"
#include "warren/internal/plan.pb.h"

// From plans, which are protobuf, to the plain structs that post-fork code reads. The plan comes
// from the supervisor, which faces the network: everything is checked for size here, and carried
// out only with the sandbox's own privilege.
namespace warren {

// INVALID_ARGUMENT when the ops do not fit. `ops` is a range of internal::MountOp.
template <typename Ops>
absl::Status PackMounts(const Ops& ops, const std::string& hostname, InitSetup& setup);

// Adds argv and environment for a zygote; the program is arguments[0].
absl::Status PackExec(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment, InitSetup& setup);

// A context of that sandbox, with this profile: its limits on resources come from both.
absl::StatusOr<JoinRequest> PackJoin(const internal::LaunchPlan& plan, const LoadedProfile& profile,
                                     uint64_t context_id, int landlock_abi);

// The agent itself.
absl::StatusOr<JoinRequest> PackAgent(const LoadedProfile& profile, int landlock_abi);

// Adds the environment of a command's profile.
absl::Status PackEnvironment(const LoadedProfile& profile, AgentOrder& order);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_PACK_H_
