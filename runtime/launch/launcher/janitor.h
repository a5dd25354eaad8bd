#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_JANITOR_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_JANITOR_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "warren/internal/plan.pb.h"

namespace warren {

// What a supervisor leaves behind that the kernel does not remove with its processes.
struct Remains {
  internal::HostFacts facts;
  std::string cgroup_parent;
  std::string instance;
  // Unix sockets, each with a PATH.lock that a living supervisor holds.
  std::vector<std::string> sockets;
};

// A process that outlives the launcher, however that ends, and removes what the kernel does not
// clean up by itself. It sleeps until the launcher's end of a pipe is closed. Lifecycle: Start
// (before the launcher opens anything else) → Finish, or the launcher's death.
class Janitor {
 public:
  // `keep_closed`: the launcher's socket to the supervisor, which must read EOF when the launcher
  // dies.
  static absl::StatusOr<Janitor> Start(const Remains& remains, int keep_closed);

  // Lets it clean up, and waits until it has. Call when all sandboxes are dead.
  void Finish();

 private:
  Janitor() = default;
  Remains remains_;
  pid_t pid_ = -1;
  UniqueFd alive_;
};

// Removes the groups of supervisors that are dead together with their janitors. Whether one is dead
// its lock tells, not a pid: the same cgroup parent may be used from several pid namespaces.
void SweepDeadInstances(const internal::HostFacts& facts, const std::string& cgroup_parent);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_JANITOR_H_
