#include "runtime/launch/launcher/process_profiles.h"

#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/linux/memfd.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/policy/profile.h"
#include "runtime/policy/seccomp_policy.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"user",   "root",  "agent",   "init",
                                  "zygote", "relay", "fetcher", "store"};
constexpr char kSuffix[] = ".textproto";

static_assert(static_cast<int>(LandlockRule::kNone) + 1 == config::ProfilePolicy::NONE);
static_assert(static_cast<int>(LandlockRule::kUserDirectories) + 1 ==
              config::ProfilePolicy::USER_DIRECTORIES);
static_assert(static_cast<int>(LandlockRule::kWholeRoot) + 1 == config::ProfilePolicy::WHOLE_ROOT);
static_assert(config::ProfilePolicy::Landlock_MAX == config::ProfilePolicy::WHOLE_ROOT);

absl::StatusOr<std::string> Compile(const fs::path& path) {
  WARREN_ASSIGN_OR_RETURN(config::SeccompPolicy policy, LoadSeccompPolicy(path));
  WARREN_ASSIGN_OR_RETURN(CompiledPolicy compiled, CompileSeccompPolicy(policy));
  return SerializePolicy(compiled);
}

}  // namespace

ProcessProfile ToProcessProfile(const config::ProfilePolicy& text) {
  ProcessProfile process;
  process.uid = text.uid();
  process.gid = text.gid();
  process.capabilities = CapabilityMask(text);
  process.securebits = Securebits(text);
  process.landlock = static_cast<LandlockRule>(static_cast<int>(text.landlock()) - 1);
  if (text.no_new_privs()) process.flags |= kProfileNoNewPrivileges;
  if (text.dumpable()) process.flags |= kProfileDumpable;
  return process;
}

absl::StatusOr<ProcessProfiles> ProcessProfiles::Load(const std::string& policies) {
  ProcessProfiles loaded;
  PolicyNames names;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(policies) / "seccomp", error)) {
    if (entry.path().extension() != kSuffix) continue;
    const std::string name = entry.path().stem().string();
    Policy& policy = loaded.seccomp_[name];
    WARREN_ASSIGN_OR_RETURN(policy.bytes, Compile(entry.path()));
    WARREN_ASSIGN_OR_RETURN(policy.memfd, SealedMemfd("warren-policy", policy.bytes));
    names.insert(name);
  }
  for (const char* name : kNames) {
    LoadedProfile& profile = loaded.profiles_[name];
    WARREN_ASSIGN_OR_RETURN(
        profile.text,
        LoadProfile(fs::path(policies) / "profiles" / absl::StrCat(name, kSuffix), names));
    profile.process = ToProcessProfile(profile.text);
    WARREN_ASSIGN_OR_RETURN(
        profile.policy,
        SealedMemfd("warren-policy", loaded.seccomp_.at(profile.text.seccomp_policy()).bytes));
  }
  // Templates give /home/user to this one.
  if (loaded.profiles_.at("user").text.uid() != kUserUid ||
      loaded.profiles_.at("user").text.gid() != kUserGid) {
    return absl::InvalidArgumentError(absl::StrCat("profile \"user\": uid and gid must be ",
                                                   kUserUid, ", which owns /home/user"));
  }
  return loaded;
}

absl::StatusOr<const LoadedProfile*> ProcessProfiles::Find(absl::string_view name) const {
  auto found = profiles_.find(name);
  if (found != profiles_.end()) return &found->second;
  return absl::NotFoundError(absl::StrCat("no profile \"", absl::CEscape(name), "\""));
}

absl::StatusOr<const ProcessProfiles::Policy*> ProcessProfiles::PolicyIn(
    const config::TemplateRecipe& recipe, const std::string& name) const {
  WARREN_ASSIGN_OR_RETURN(const LoadedProfile* profile, Find(name));
  const bool own = name == kUserProfile && !recipe.seccomp_policy().empty();
  auto policy = seccomp_.find(own ? recipe.seccomp_policy() : profile->text.seccomp_policy());
  if (policy != seccomp_.end()) return &policy->second;
  return absl::NotFoundError(absl::StrCat("template ", recipe.name(),
                                          " names the seccomp policy \"", recipe.seccomp_policy(),
                                          "\", which is not below policies/seccomp"));
}

absl::StatusOr<UniqueFd> ProcessProfiles::ContextPolicies(
    const config::TemplateRecipe& recipe) const {
  std::string all;
  for (const std::string& name : GrantedProfiles(recipe)) {
    WARREN_ASSIGN_OR_RETURN(const Policy* policy, PolicyIn(recipe, name));
    all += policy->bytes;
  }
  return SealedMemfd("warren-policies", all);
}

absl::StatusOr<int> ProcessProfiles::CommandPolicy(const config::TemplateRecipe& recipe,
                                                   const std::string& profile) const {
  WARREN_ASSIGN_OR_RETURN(const Policy* policy, PolicyIn(recipe, profile));
  return policy->memfd.get();
}

}  // namespace warren
