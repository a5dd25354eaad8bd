#include "runtime/launch/launcher/store_service.h"

#include "runtime/base/status.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/linux/detached_mount.h"
#include "warren/internal/store.pb.h"

namespace warren {

absl::Status StoreService::SetUp(const LaunchResources& resources, ServiceProcess& process) {
  const LoadedProfile& profile = resources.profiles.store();
  internal::StoreOrder order;
  internal::StoreSetup& setup = *order.mutable_setup();
  setup.set_max_bytes(source_.max_bytes);
  setup.set_pace(resources.facts.pace());
  setup.set_profile(std::string(AsBytes(profile.process)));
  setup.set_layers_off(resources.layers_off);
  WARREN_ASSIGN_OR_RETURN(UniqueFd user_namespace, OpenUserNamespace(process.pidfd()));
  const PackageStore& directory = source_.directory;
  WARREN_ASSIGN_OR_RETURN(UniqueFd mount, CloneTree(directory.directory(), directory.path(),
                                                    TreeUse::kReadAndWrite, user_namespace.get()));
  const int fd = mount.get();
  return process.SetUp(order, profile.policy.get(), {&fd, 1});
}

absl::Status StoreService::TellNext(ServiceProcess&) { return absl::OkStatus(); }

}  // namespace warren
