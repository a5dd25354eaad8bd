#ifndef WARREN_RUNTIME_LINUX_CGROUP_H_
#define WARREN_RUNTIME_LINUX_CGROUP_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/linux/cpuset.h"
#include "warren/internal/launcher.pb.h"
#include "warren/internal/plan.pb.h"

// Control groups of one supervisor: PARENT/INSTANCE/NAME below every hierarchy that is used: one on
// v2, one for each of memory, cpu, cpuacct, pids and freezer on v1, and of cpuset where there is
// one (fewer where they are mounted together). Lifecycle: CgroupTree::Create → Add* →
// Cgroup::Remove → CgroupTree::Remove. One thread.
namespace warren {

// One group, in every hierarchy.
class Cgroup {
 public:
  struct Hierarchy {
    // Of the tree: owned by the tree, which outlives its groups.
    int parent;
    UniqueFd directory;
    std::vector<std::string> controllers;

    bool Has(absl::string_view controller) const;
    bool HasAny(std::span<const char* const> names) const;
  };

  Cgroup(Cgroup&&) = default;
  Cgroup& operator=(Cgroup&&) = default;

  // Fds, one for each hierarchy, open for writing. A single-threaded process that writes "0" to all
  // of them is in the group, even without privilege: the kernel checks against the opener.
  absl::StatusOr<std::vector<UniqueFd>> OpenProcs() const;

  struct Stats {
    std::vector<internal::StatFile::Kind> kinds;
    std::vector<UniqueFd> fds;
  };
  // Files that say what the group uses; those that this kernel has.
  absl::StatusOr<Stats> OpenStats() const;
  // What these files say now; without those that can not be read.
  google::protobuf::RepeatedPtrField<internal::StatFile> ReadStats() const;

  // v1: an eventfd that becomes readable when the group runs out of memory, for v1 has no
  // memory.oom.group. An invalid fd on v2.
  absl::StatusOr<UniqueFd> WatchOutOfMemory() const;

  // Bytes of memory that it uses now.
  absl::StatusOr<int64_t> MemoryInUse() const;

  // How many processes the kernel killed in it for memory.
  absl::StatusOr<int64_t> OutOfMemoryKills() const;

  // For a group whose processes are all being killed: takes its CPU quota away, and with it the
  // debt of CPU time that has to be waited off before one of them may run, even to its end. Linux
  // since 6.18 lets a task in the kernel run past the quota and throttles it on its way out, killed
  // or not: a hundred processes that fought for the last page stood still for 10 to 60 s.
  absl::Status LiftCpuQuota() const;

  // CPU time of all processes that were ever in it, in microseconds.
  absl::StatusOr<int64_t> CpuTimeUs() const;

  // Whether the group's processes run in the background: they give way at once to a process of any
  // other group of the tree that wakes up, and share what is left (cpu.idle, Linux 5.15). Against
  // processes outside of the tree nothing changes.
  absl::Status SetBackground(bool background) const;

  // On which processors the group's processes may run: a list of the tree's processors(). On v2
  // what is below it follows, on v1 all of it but the processes' own groups sits in this one.
  absl::Status SetProcessors(const std::string& list) const;

  // Stops everything in it and below it where it is; IsFrozen says when all of it stands still. A
  // frozen task of v1 takes no signal, not even SIGKILL: whoever kills thaws.
  absl::Status Freeze() const;
  absl::StatusOr<bool> IsFrozen() const;
  // Lets what was frozen, or what a kill left so, go on.
  absl::Status Thaw() const;

  // Writes a limit, and reads it back.
  absl::Status Write(const internal::CgroupWrite& write) const;

  // Processes and threads in it now.
  absl::StatusOr<int64_t> PidsInUse() const;

  // Removes the group. FAILED_PRECONDITION while something is left in it, or below it: try again a
  // little later.
  absl::Status Remove();

  internal::HostFacts::CgroupMode mode() const { return mode_; }
  const std::vector<Hierarchy>& hierarchies() const { return hierarchies_; }
  // OpenProcs, for directories of one group in every hierarchy.
  static absl::StatusOr<std::vector<UniqueFd>> OpenProcsIn(const std::vector<int>& directories,
                                                           internal::HostFacts::CgroupMode mode);

 private:
  friend class CgroupTree;
  Cgroup() = default;
  int DirectoryOf(absl::string_view controller) const;

  internal::HostFacts::CgroupMode mode_ = internal::HostFacts::CGROUP_MODE_UNSPECIFIED;
  std::string name_;
  std::vector<Hierarchy> hierarchies_;
};

// What all groups of a tree may use together.
struct CgroupTotals {
  int64_t memory_bytes = 0;
  int64_t pids = 0;
};

class CgroupTree {
 public:
  // Makes PARENT/INSTANCE in every hierarchy and, on v2, hands the controllers down to it. `parent`
  // is a relative path
  // ("warren", "system.slice/warren.service"). Missing controllers are FAILED_PRECONDITION with the
  // remedy; UNAVAILABLE when a living tree has this name. While the tree lives, it holds a lock on
  // its directories that RemoveDead respects.
  static absl::StatusOr<CgroupTree> Create(const internal::HostFacts& facts,
                                           const std::string& parent, const std::string& instance);

  // Bounds all groups together: the limits of each are promises of the most that it may use, and
  // the host can have less than their sum.
  absl::Status Limit(const CgroupTotals& totals);

  // Makes a group and writes its limits, each read back.
  absl::StatusOr<Cgroup> Add(
      const std::string& name,
      const google::protobuf::RepeatedPtrField<internal::CgroupWrite>& writes);

  // CPU time of all processes that were ever in one of its groups, in microseconds.
  absl::StatusOr<int64_t> CpuTimeUs() const;

  // Those that its groups may use, as found by Create; none on a host without the cpuset
  // controller, or with one that this tree may not use.
  const Processors& processors() const { return processors_; }

  // Removes INSTANCE with all groups in it, and PARENT where nothing else is in it. Static, for the
  // janitor, which has nothing but names. Groups that are not empty yet are tried again for up to
  // ten seconds.
  static void RemoveAll(const internal::HostFacts& facts, const std::string& parent,
                        const std::string& instance);
  // RemoveAll for an instance whose tree is gone; one that lives, in whatever pid namespace, is
  // left alone.
  static void RemoveDead(const internal::HostFacts& facts, const std::string& parent,
                         const std::string& instance);

  // Instances below PARENT, of any supervisor.
  static std::vector<std::string> Instances(const internal::HostFacts& facts,
                                            const std::string& parent);

 private:
  struct Root {
    UniqueFd directory;
    std::vector<std::string> controllers;
  };
  internal::HostFacts::CgroupMode mode_ = internal::HostFacts::CGROUP_MODE_UNSPECIFIED;
  std::vector<Root> roots_;
  Processors processors_;
};

// CPU time of what was ever in the group with this directory, in microseconds, and the controller
// whose hierarchy says it.
absl::StatusOr<int64_t> ReadCpuTimeUs(int directory, internal::HostFacts::CgroupMode mode);
const char* CpuTimeController(internal::HostFacts::CgroupMode mode);

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_CGROUP_H_
