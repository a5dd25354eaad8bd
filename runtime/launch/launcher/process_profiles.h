#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_PROCESS_PROFILES_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_PROCESS_PROFILES_H_

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/child/setup.h"
#include "warren/config/profile.pb.h"
#include "warren/config/template.pb.h"

namespace warren {

// A profile, ready for the processes that put it on.
struct LoadedProfile {
  config::ProfilePolicy text;
  // The same for code that parses nothing.
  ProcessProfile process;
  // Sealed memfd with its compiled seccomp policy.
  UniqueFd policy;
};

// What policies/profiles and policies/seccomp say, checked and compiled once, when the launcher
// starts. Owner: LaunchResources. Immutable after Load.
class ProcessProfiles {
 public:
  // `policies` is the directory of both. Every profile must be there and be sound, every seccomp
  // policy too.
  static absl::StatusOr<ProcessProfiles> Load(const std::string& policies);

  // Of Warren's own processes.
  const LoadedProfile& init() const { return profiles_.at("init"); }
  const LoadedProfile& zygote() const { return profiles_.at("zygote"); }
  const LoadedProfile& agent() const { return profiles_.at("agent"); }
  const LoadedProfile& relay() const { return profiles_.at("relay"); }
  const LoadedProfile& fetcher() const { return profiles_.at("fetcher"); }
  const LoadedProfile& store() const { return profiles_.at("store"); }
  // NOT_FOUND.
  absl::StatusOr<const LoadedProfile*> Find(absl::string_view name) const;

  // Sealed memfd with the policies of a template's contexts behind each other: one for each profile
  // that it grants, in the order of GrantedProfiles. NOT_FOUND names the policy that the recipe
  // asks for and that is not there.
  absl::StatusOr<UniqueFd> ContextPolicies(const config::TemplateRecipe& recipe) const;
  // The same for one process: sealed memfd with the policy of a profile in a template's sandboxes,
  // the same for all of them.
  absl::StatusOr<int> CommandPolicy(const config::TemplateRecipe& recipe,
                                    const std::string& profile) const;

 private:
  struct Policy {
    std::string bytes;
    // Sealed.
    UniqueFd memfd;
  };
  absl::StatusOr<const Policy*> PolicyIn(const config::TemplateRecipe& recipe,
                                         const std::string& profile) const;

  std::map<std::string, LoadedProfile, std::less<>> profiles_;
  // Serialized seccomp policies by name.
  std::map<std::string, Policy, std::less<>> seccomp_;
};

// What the code after a fork gets of a valid profile.
ProcessProfile ToProcessProfile(const config::ProfilePolicy& text);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_PROCESS_PROFILES_H_
