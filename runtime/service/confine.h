#ifndef WARREN_RUNTIME_SERVICE_CONFINE_H_
#define WARREN_RUNTIME_SERVICE_CONFINE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/child/setup.h"

namespace warren {

// What the root of a service has; else it is empty. It is read-only, but for mounts that are
// writable themselves. Paths are absolute, "/etc/hosts"; their directories are made.
struct ServiceRoot {
  struct File {
    std::string path;
    std::string content;
  };
  struct Mount {
    std::string path;
    // Detached.
    UniqueFd mount;
  };
  std::vector<File> files;
  std::vector<Mount> mounts;
};

// Makes the caller a process with nothing but its descriptors: that root, the profile's user, and
// the filter in the memfd. For a process that is root of its own user namespace and has a mount
// namespace of its own, with one thread, before it has read a stranger's byte.
absl::Status ConfineService(const ProcessProfile& profile, int policy_memfd,
                            const ServiceRoot& root);

}  // namespace warren

#endif  // WARREN_RUNTIME_SERVICE_CONFINE_H_
