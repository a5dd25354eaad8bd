#include "runtime/launch/launcher/fetcher_service.h"

#include <fcntl.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/linux/detached_mount.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {
namespace {

// As its owners have it: the fetcher reads what everybody may. Opened each time: the operator may
// have put another in its place.
absl::StatusOr<UniqueFd> CloneIndex(const std::string& path) {
  UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Errno(absl::StrCat("open ", path));
  return CloneTree(directory.get(), path, TreeUse::kRead);
}

}  // namespace

absl::Status FetcherService::SetUp(const LaunchResources& resources, ServiceProcess& process) {
  const LoadedProfile& profile = resources.profiles.fetcher();
  internal::FetcherOrder order;
  internal::FetcherSetup& setup = *order.mutable_setup();
  *setup.mutable_policy() = source_.packages.policy;
  for (const internal::IndexSecrets& secrets : source_.packages.secrets)
    *setup.add_secrets() = secrets;
  setup.set_pace(resources.facts.pace());
  setup.set_profile(std::string(AsBytes(profile.process)));
  setup.set_link_key(source_.link_key);
  setup.set_layers_off(resources.layers_off);
  std::vector<UniqueFd> mounts;
  std::vector<int> fds;
  for (const config::PackageIndex& index : source_.packages.policy.indexes()) {
    if (!PackageSource::IsDirectory(index)) continue;
    WARREN_ASSIGN_OR_RETURN(UniqueFd mount, CloneIndex(index.url()));
    fds.push_back(mount.get());
    mounts.push_back(std::move(mount));
  }
  WARREN_RETURN_IF_ERROR(process.SetUp(order, profile.policy.get(), fds));
  relay_end_.reset();
  return absl::OkStatus();
}

absl::Status FetcherService::TellNext(ServiceProcess& process) {
  internal::FetcherOrder order;
  order.mutable_relay_changed();
  const int fd = relay_end_.get();
  WARREN_RETURN_IF_ERROR(process.Send(order, {&fd, 1}));
  relay_end_.reset();
  return absl::OkStatus();
}

}  // namespace warren
