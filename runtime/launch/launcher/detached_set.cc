#include "runtime/launch/launcher/detached_set.h"

#include "runtime/base/status.h"
#include "runtime/linux/detached_mount.h"

namespace warren {

absl::StatusOr<DetachedSet> DetachedSet::Make(const LaunchTemplate& source,
                                              const LaunchResources& resources, int init_pidfd,
                                              WarrenFiles files, const char* bell) {
  DetachedSet set;
  WARREN_ASSIGN_OR_RETURN(UniqueFd user_namespace, OpenUserNamespace(init_pidfd));
  for (const std::string& path : source.part_paths) {
    WARREN_ASSIGN_OR_RETURN(UniqueFd part, CloneMappedTree(path, user_namespace.get()));
    set.mounts_.push_back(std::move(part));
  }
  WARREN_ASSIGN_OR_RETURN(DeviceTree dev, MakeDeviceTree(bell));
  set.mounts_.push_back(std::move(dev.mount));
  set.bell_ = std::move(dev.bell);
  const std::string& own =
      files == WarrenFiles::kWorker ? resources.worker_directory : resources.tools_directory;
  WARREN_ASSIGN_OR_RETURN(UniqueFd warren, CloneMappedTree(own, user_namespace.get()));
  set.mounts_.push_back(std::move(warren));
  return set;
}

std::vector<int> DetachedSet::fds() const {
  std::vector<int> result;
  for (const UniqueFd& mount : mounts_) result.push_back(mount.get());
  return result;
}

}  // namespace warren
