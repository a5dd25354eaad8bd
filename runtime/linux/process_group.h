#ifndef WARREN_RUNTIME_LINUX_PROCESS_GROUP_H_
#define WARREN_RUNTIME_LINUX_PROCESS_GROUP_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/linux/cgroup.h"

namespace warren {

// A group below a sandbox's, for one process and all that it starts: to kill them and nothing else,
// and for their CPU time. It bounds nothing: the sandbox's limits hold for all its processes
// together.
//
// v1: in the freezer and cpuacct hierarchies alone; a child in memory would hide oom_kill from its
// sandbox. v2: a group that no controller is handed down to.
//
// One thread. Lifecycle: Make → OpenProcs → Kill* → Remove, before that of the sandbox's group. The
// Cgroup outlives it.
class ProcessGroup {
 public:
  static absl::StatusOr<ProcessGroup> Make(const Cgroup& sandbox, const std::string& name);
  ProcessGroup(ProcessGroup&&) = default;
  ProcessGroup& operator=(ProcessGroup&&) = default;

  // As Cgroup::OpenProcs, for the sandbox's groups with this one in the place of those that it is
  // below.
  absl::StatusOr<std::vector<UniqueFd>> OpenProcs() const;
  // The same for a process that is not trusted to write no pid but its own: files of this group
  // alone, opened as `root`, the host's number of the sandbox's root, for the kernel asks whether
  // who opened them may move what is written. On v1 that is what has this user id; on v2 what is in
  // the sandbox's groups already. The writer must be in the sandbox's other groups.
  absl::StatusOr<std::vector<UniqueFd>> OpenProcsAs(uid_t root) const;
  // CPU time of all that was ever in it, in microseconds.
  absl::StatusOr<int64_t> CpuTimeUs() const;
  // SIGKILL to everything in it. What a fork brought into it meanwhile lives: call it again until
  // Remove succeeds.
  absl::Status Kill() const;
  // As Cgroup::Thaw, which does not reach a group below that is frozen by itself.
  absl::Status Thaw() const;
  // FAILED_PRECONDITION while something is left in it.
  absl::Status Remove();

 private:
  ProcessGroup(const Cgroup& sandbox, std::string name)
      : sandbox_(&sandbox), name_(std::move(name)) {}

  const Cgroup* sandbox_;
  std::string name_;
  // In the order of the sandbox's hierarchies; invalid where it has no group of its own.
  std::vector<UniqueFd> directories_;
};

// SIGKILL to everything in a sandbox's own group but `spared`, its init; what is in process groups
// below lives. Returns how many there were: what a fork brought into it meanwhile lives, so call it
// again until there are none.
absl::StatusOr<int> KillAllBut(const Cgroup& sandbox, pid_t spared);

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_PROCESS_GROUP_H_
