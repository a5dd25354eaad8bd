#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_HOST_VIEW_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_HOST_VIEW_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

// What the host's kernel says about sandboxes, read beside the API and without the server's help:
// memory, cgroups, processes and mount namespaces. Needs root. All functions are thread-safe.
namespace warren::bench {

struct HostMemory {
  int64_t available_bytes = 0;
  // Total without what is free, buffers and page cache (tmpfs counts as used).
  int64_t used_bytes = 0;
  // Of these, the kernel's small objects: sockets for one.
  int64_t slab_bytes = 0;
};
absl::StatusOr<HostMemory> ReadHostMemory();
// What lies in the buffers of all TCP sockets of the host, whatever their network namespace.
absl::StatusOr<int64_t> TcpMemoryBytes();
// What is free with what the kernel keeps at hand for each CPU, where pages that a process gives
// back go first and which no other account shows.
absl::StatusOr<int64_t> FreeMemoryBytes();

// The cgroups of one server: PARENT/INSTANCE/SANDBOX below every hierarchy that is mounted.
class CgroupView {
 public:
  explicit CgroupView(const std::string& parent);

  // Bytes charged to the parent and everything below it, as GroupMemoryByKind says them; NOT_FOUND
  // where no memory controller is.
  absl::StatusOr<std::map<std::string, int64_t>> MemoryByKind() const;
  // The sandbox's groups, one a hierarchy; NOT_FOUND when there is none.
  absl::StatusOr<std::vector<std::string>> GroupsOf(const std::string& sandbox_id) const;

 private:
  // PARENT below every mounted hierarchy.
  std::vector<std::string> parents_;
};

// Processes of a group, host pids.
std::vector<pid_t> ProcessesOf(const std::string& group);
// How many there are in groups and all below them, each once.
int CountProcessesBelow(const std::vector<std::string>& groups);
// Bytes charged to a sandbox's groups.
absl::StatusOr<int64_t> GroupMemoryBytes(const std::vector<std::string>& groups);

// What they are charged for, by kind: "usage", "anon", "shmem" (tmpfs), "file", "kernel" (page
// tables, stacks, slab); those that this kernel tells.
std::map<std::string, int64_t> GroupMemoryByKind(const std::vector<std::string>& groups);

// The kernel's id of a process's mount namespace; nothing where the kernel cannot tell (before
// Linux 6.11). Ids are never reused, and knowing one keeps nothing alive.
std::optional<uint64_t> MountNamespaceId(pid_t pid);
enum class Liveness { kAlive, kGone };
Liveness MountNamespaceLiveness(uint64_t id);
Liveness ProcessLiveness(pid_t pid);
Liveness PathLiveness(const std::string& path);

// What page copies show in.
struct ProcessMemory {
  int64_t minor_faults = 0;
  int64_t rss_bytes = 0;
  int64_t pss_bytes = 0;
  int64_t private_dirty_bytes = 0;
};
absl::StatusOr<ProcessMemory> ReadProcessMemory(pid_t pid);

// What a process has cost so far, all its threads together; children that it waited for are not in.
struct ProcessCosts {
  int64_t minor_faults = 0;
  int64_t major_faults = 0;
  // Gave the CPU up, to wait; had it taken.
  int64_t voluntary_switches = 0;
  int64_t involuntary_switches = 0;
};
// Threads that have ended by now count in the faults only.
absl::StatusOr<ProcessCosts> ReadProcessCosts(pid_t pid);

// The context worker among a sandbox's processes: the one with the largest resident set.
absl::StatusOr<pid_t> LargestProcess(const std::vector<std::string>& groups);

// What must be in force on a process that runs user code: the seccomp filter, no_new_privs, no
// capability, and a user id that means nothing on the host. FAILED_PRECONDITION names what is not.
absl::Status CheckConfined(pid_t pid);

// Peak resident set of a process, and its reset to what is resident now.
absl::StatusOr<int64_t> PeakRssBytes(pid_t pid);
absl::Status ResetPeakRss(pid_t pid);

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_HOST_VIEW_H_
