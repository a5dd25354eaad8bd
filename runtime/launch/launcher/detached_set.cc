#include "runtime/launch/launcher/detached_set.h"

#include "runtime/base/status.h"
#include "runtime/linux/detached_mount.h"

namespace warren {

absl::StatusOr<DetachedSet> DetachedSet::Make(const LaunchTemplate& source,
                                              const LaunchResources& resources, int init_pidfd,
                                              WorkerFiles worker_files) {
  DetachedSet set;
  WARREN_ASSIGN_OR_RETURN(UniqueFd user_namespace, OpenUserNamespace(init_pidfd));
  for (const std::string& path : source.part_paths) {
    WARREN_ASSIGN_OR_RETURN(UniqueFd part, CloneMappedTree(path, user_namespace.get()));
    set.mounts_.push_back(std::move(part));
  }
  WARREN_ASSIGN_OR_RETURN(UniqueFd dev, MakeDeviceTree());
  set.mounts_.push_back(std::move(dev));
  if (worker_files == WorkerFiles::kAttached) {
    WARREN_ASSIGN_OR_RETURN(UniqueFd worker,
                            CloneMappedTree(resources.worker_directory, user_namespace.get()));
    set.mounts_.push_back(std::move(worker));
  }
  return set;
}

std::vector<int> DetachedSet::fds() const {
  std::vector<int> result;
  for (const UniqueFd& mount : mounts_) result.push_back(mount.get());
  return result;
}

}  // namespace warren
