#include "runtime/linux/cgroup.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/cpuset.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

// Between attempts at what somebody else is about to let go.
constexpr std::chrono::milliseconds kInterval(10);

constexpr const char* kNeeded[] = {"memory", "cpu", "pids"};
// On v1 besides; v2 has what they do in every group.
constexpr const char* kNeededOnV1[] = {"cpuacct", "freezer"};
// Used where the host has it: it bounds nothing, it keeps what computes out of the others' way.
constexpr const char* kCpuset = "cpuset";

// Mount point → the controllers on it that Warren uses.
std::map<std::string, std::vector<std::string>> Mounts(const internal::HostFacts& facts) {
  std::map<std::string, std::vector<std::string>> mounts;
  for (const auto& [controller, path] : facts.controllers()) {
    const bool needed = std::count(std::begin(kNeeded), std::end(kNeeded), controller) > 0;
    // On v2 cpu.stat and cgroup.freeze come with every group.
    const bool v1_only = facts.cgroup_mode() == internal::HostFacts::V1 &&
                         std::count(std::begin(kNeededOnV1), std::end(kNeededOnV1), controller) > 0;
    const bool cpuset = controller == kCpuset && HasCpuset(facts);
    if (needed || v1_only || cpuset) {
      mounts[path].push_back(controller);
    }
  }
  return mounts;
}

absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return Errno(absl::StrCat("open ", path));
  return fd;
}

absl::Status MakeGroup(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return absl::OkStatus();
  return Errno(
      absl::StrCat("make cgroup ", path, " (Warren needs a cgroup tree that it may write to)"));
}

// v2: children have a controller only where their parent hands it down.
absl::Status HandDown(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(UniqueFd directory, OpenDirectory(path));
  absl::Status status =
      WriteControlFile(directory.get(), "cgroup.subtree_control", "+memory +cpu +pids");
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(), " in ", path,
                   " (no process may sit in it, and its parent must offer the controllers)"));
}

// v2. Only in groups that are Warren's own: before Linux 6.2 a group that gets the controller loses
// what its processes were pinned to. Where what is above does not offer it, it is not used.
void HandDownCpuset(const std::string& path) {
  WriteControlFile(AT_FDCWD, path + "/cgroup.subtree_control", "+cpuset").IgnoreError();
}

// Root's alone: whoever can open an instance can lock it.
constexpr mode_t kInstanceMode = 0700;

// The lock of an instance, on its directory: held while its launcher lives, so that a sweep leaves
// it alone. It belongs to the kernel's one cgroup tree, so that it means the same in every pid,
// mount and network namespace, and goes with its holder. UNAVAILABLE when somebody else has it.
absl::Status LockInstance(int directory, const std::string& path) {
  if (::flock(directory, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return Errno(absl::StrCat("lock cgroup ", path));
  return absl::UnavailableError(
      absl::StrCat("cgroup ", path,
                   " is held by another supervisor; give this one a --cgroup-parent of its own"));
}

// Makes PARENT/INSTANCE, opens and locks it. NOT_FOUND when somebody removed it meanwhile.
absl::StatusOr<UniqueFd> MakeInstance(const std::string& mount,
                                      const std::vector<std::string>& controllers,
                                      const std::string& parent, const std::string& instance,
                                      internal::HostFacts::CgroupMode mode) {
  const bool v2 = mode == internal::HostFacts::V2;
  const bool cpuset = absl::c_linear_search(controllers, kCpuset);
  std::string path = mount;
  if (v2) WARREN_RETURN_IF_ERROR(HandDown(path));
  for (absl::string_view part : absl::StrSplit(parent, '/', absl::SkipEmpty())) {
    absl::StrAppend(&path, "/", part);
    WARREN_RETURN_IF_ERROR(MakeGroup(path, 0755));
    if (v2) WARREN_RETURN_IF_ERROR(HandDown(path));
    if (cpuset && !v2) WARREN_RETURN_IF_ERROR(InheritCpuset(path));
  }
  if (cpuset && v2) HandDownCpuset(path);
  absl::StrAppend(&path, "/", instance);
  WARREN_RETURN_IF_ERROR(MakeGroup(path, kInstanceMode));
  WARREN_ASSIGN_OR_RETURN(UniqueFd directory, OpenDirectory(path));
  WARREN_RETURN_IF_ERROR(LockInstance(directory.get(), path));
  // A sweep may have had it between mkdir and the lock; the link count of a removed one stays 2.
  struct stat opened;
  struct stat named;
  if (::fstat(directory.get(), &opened) != 0 || ::stat(path.c_str(), &named) != 0)
    return Errno(absl::StrCat("stat ", path));
  if (opened.st_ino != named.st_ino)
    return absl::NotFoundError(absl::StrCat("cgroup ", path, " was removed"));
  if (v2) WARREN_RETURN_IF_ERROR(HandDown(path));
  if (cpuset && v2) HandDownCpuset(path);
  if (cpuset && !v2) WARREN_RETURN_IF_ERROR(InheritOwnCpuset(path));
  return directory;
}

constexpr int kCreateAttempts = 300;

// What MakeInstance fails with when somebody else was at the same directory.
bool IsPassing(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsUnavailable(status);
}

std::vector<fs::path> Subdirectories(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> children;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    if (entry.is_directory(error)) children.push_back(entry.path());
  }
  return children;
}

// A group and all below it, in the hierarchy that has a freezer; in the others nothing happens.
void ThawTree(const fs::path& directory) {
  std::error_code error;
  for (const auto& [file, thawed] :
       {std::pair("freezer.state", "THAWED"), std::pair("cgroup.freeze", "0")}) {
    const std::string path = (directory / file).string();
    if (fs::exists(path, error)) WriteControlFile(AT_FDCWD, path, thawed).IgnoreError();
  }
  for (const fs::path& child : Subdirectories(directory)) ThawTree(child);
}

// A group and all below it.
void RemoveTree(const fs::path& directory) {
  // Ten seconds, which only a process that does not end reaches.
  constexpr int kAttempts = 1000;
  for (const fs::path& child : Subdirectories(directory)) RemoveTree(child);
  for (int i = 0; i < kAttempts && ::rmdir(directory.c_str()) != 0 && errno == EBUSY; ++i) {
    std::this_thread::sleep_for(kInterval);
  }
}

// Removes an instance of one hierarchy with all its groups, and PARENT where nothing else is in it.
void RemoveInstance(const fs::path& parent, const std::string& instance) {
  RemoveTree(parent / instance);
  // Fails, as it should, while another supervisor is in it.
  ::rmdir(parent.c_str());
}

// Before anything of an instance is removed: what a launcher that died left frozen (a paused
// sandbox, a kill that it was in the middle of) cannot end before it is thawed, and sits in the
// groups of the other hierarchies too.
void ThawInstance(const internal::HostFacts& facts, const std::string& parent,
                  const std::string& instance) {
  for (const auto& [mount, controllers] : Mounts(facts))
    ThawTree(fs::path(mount) / parent / instance);
}

absl::StatusOr<std::string> ReadAt(int directory, const std::string& file) {
  UniqueFd fd(::openat(directory, file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Errno(absl::StrCat("open ", file));
  char buffer[4096];
  ssize_t size = ::read(fd.get(), buffer, sizeof(buffer));
  if (size < 0) return Errno(absl::StrCat("read ", file));
  return std::string(buffer, static_cast<size_t>(size));
}

// The kernel rounds byte limits down to pages.
bool SameLimit(absl::string_view wanted, absl::string_view got) {
  int64_t a = 0;
  int64_t b = 0;
  if (!absl::SimpleAtoi(wanted, &a) || !absl::SimpleAtoi(got, &b)) return wanted == got;
  return a == b || (a > b && a - b < ::sysconf(_SC_PAGESIZE));
}

absl::Status WriteLimit(int directory, const internal::CgroupWrite& write) {
  // Nothing else of a group is the plan's to write: cgroup.threads and cgroup.event_control act on
  // the writer, notify_on_release on the host.
  bool limit = absl::StartsWith(write.file(), absl::StrCat(write.controller(), ".")) ||
               write.file() == "cgroup.max.descendants";
  if (directory < 0 || !limit || absl::StrContains(write.file(), '/')) {
    return absl::InvalidArgumentError(absl::StrCat("\"", write.file(), "\" is no limit of the ",
                                                   write.controller(), " controller"));
  }
  WARREN_RETURN_IF_ERROR(WriteControlFile(directory, write.file(), write.value()));
  WARREN_ASSIGN_OR_RETURN(std::string got, ReadAt(directory, write.file()));
  absl::string_view trimmed = absl::StripTrailingAsciiWhitespace(got);
  if (SameLimit(write.value(), trimmed)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("limit ", write.file(), " was set to ", write.value(), " but reads ", trimmed));
}

template <typename Places>
int FindDirectory(const Places& places, absl::string_view controller) {
  for (const auto& place : places) {
    if (absl::c_linear_search(place.controllers, controller)) return place.directory.get();
  }
  return -1;
}

struct StatName {
  internal::StatFile::Kind kind;
  const char* controller;
  const char* file;
};
constexpr StatName kStatsV2[] = {
    {internal::StatFile::MEMORY_CURRENT, "memory", "memory.current"},
    {internal::StatFile::MEMORY_PEAK, "memory", "memory.peak"},
    {internal::StatFile::MEMORY_EVENTS, "memory", "memory.events"},
    {internal::StatFile::CPU_STAT, "cpu", "cpu.stat"},
    {internal::StatFile::PIDS_CURRENT, "pids", "pids.current"},
    {internal::StatFile::PIDS_PEAK, "pids", "pids.peak"},
};
constexpr StatName kStatsV1[] = {
    {internal::StatFile::MEMORY_CURRENT, "memory", "memory.usage_in_bytes"},
    {internal::StatFile::MEMORY_PEAK, "memory", "memory.max_usage_in_bytes"},
    {internal::StatFile::MEMORY_EVENTS, "memory", "memory.oom_control"},
    {internal::StatFile::CPU_USAGE_USER, "cpuacct", "cpuacct.usage_user"},
    {internal::StatFile::CPU_USAGE_SYSTEM, "cpuacct", "cpuacct.usage_sys"},
    {internal::StatFile::PIDS_CURRENT, "pids", "pids.current"},
    {internal::StatFile::PIDS_PEAK, "pids", "pids.peak"},
};

}  // namespace

absl::StatusOr<int64_t> ReadCpuTimeUs(int directory, internal::HostFacts::CgroupMode mode) {
  const bool v2 = mode == internal::HostFacts::V2;
  const char* file = v2 ? "cpu.stat" : "cpuacct.usage";
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadAt(directory, file));
  // v2: "usage_usec N" is the first line. v1: nanoseconds, nothing else.
  absl::string_view number = absl::string_view(text).substr(0, text.find('\n'));
  int64_t time = 0;
  if (v2 != absl::ConsumePrefix(&number, "usage_usec ") || !absl::SimpleAtoi(number, &time)) {
    return absl::InternalError(absl::StrCat("no CPU time in ", file));
  }
  return v2 ? time : time / 1000;
}

const char* CpuTimeController(internal::HostFacts::CgroupMode mode) {
  return mode == internal::HostFacts::V2 ? "cpu" : "cpuacct";
}

bool Cgroup::Hierarchy::Has(absl::string_view controller) const {
  return absl::c_linear_search(controllers, controller);
}

bool Cgroup::Hierarchy::HasAny(std::span<const char* const> names) const {
  return absl::c_any_of(names, [this](const char* name) { return Has(name); });
}

int Cgroup::DirectoryOf(absl::string_view controller) const {
  return FindDirectory(hierarchies_, controller);
}

absl::StatusOr<std::vector<UniqueFd>> Cgroup::OpenProcs() const {
  std::vector<int> directories;
  for (const Hierarchy& hierarchy : hierarchies_) directories.push_back(hierarchy.directory.get());
  return OpenProcsIn(directories, mode_);
}

absl::StatusOr<std::vector<UniqueFd>> Cgroup::OpenProcsIn(const std::vector<int>& directories,
                                                          internal::HostFacts::CgroupMode mode) {
  // A write to cgroup.procs waits for an RCU grace period (5 to 25 ms were measured): the kernel
  // holds every fork of the host meanwhile. A single thread that moves itself through v1's tasks
  // needs no such lock (20 us).
  const char* file = mode == internal::HostFacts::V1 ? "tasks" : "cgroup.procs";
  std::vector<UniqueFd> result;
  for (int directory : directories) {
    UniqueFd fd(::openat(directory, file, O_WRONLY | O_CLOEXEC));
    if (!fd.valid()) return Errno(absl::StrCat("open ", file, " of a group"));
    result.push_back(std::move(fd));
  }
  return result;
}

absl::StatusOr<Cgroup::Stats> Cgroup::OpenStats() const {
  Stats stats;
  auto add = [&](const auto& names) -> absl::Status {
    for (const StatName& name : names) {
      UniqueFd fd(::openat(DirectoryOf(name.controller), name.file, O_RDONLY | O_CLOEXEC));
      if (!fd.valid() && errno == ENOENT) continue;
      if (!fd.valid()) return Errno(absl::StrCat("open ", name.file, " of ", name_));
      stats.kinds.push_back(name.kind);
      stats.fds.push_back(std::move(fd));
    }
    return absl::OkStatus();
  };
  WARREN_RETURN_IF_ERROR(mode_ == internal::HostFacts::V2 ? add(kStatsV2) : add(kStatsV1));
  return stats;
}

google::protobuf::RepeatedPtrField<internal::StatFile> Cgroup::ReadStats() const {
  google::protobuf::RepeatedPtrField<internal::StatFile> stats;
  auto add = [&](const auto& names) {
    for (const StatName& name : names) {
      absl::StatusOr<std::string> text = ReadAt(DirectoryOf(name.controller), name.file);
      if (!text.ok()) continue;
      internal::StatFile* stat = stats.Add();
      stat->set_kind(name.kind);
      stat->set_content(*std::move(text));
    }
  };
  if (mode_ == internal::HostFacts::V2) {
    add(kStatsV2);
  } else {
    add(kStatsV1);
  }
  return stats;
}

absl::StatusOr<UniqueFd> Cgroup::WatchOutOfMemory() const {
  if (mode_ == internal::HostFacts::V2) return UniqueFd();
  int directory = DirectoryOf("memory");
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return Errno("eventfd");
  UniqueFd control(::openat(directory, "memory.oom_control", O_RDONLY | O_CLOEXEC));
  if (!control.valid()) return Errno(absl::StrCat("open memory.oom_control of ", name_));
  WARREN_RETURN_IF_ERROR(WriteControlFile(directory, "cgroup.event_control",
                                          absl::StrCat(event.get(), " ", control.get())));
  return event;
}

absl::StatusOr<int64_t> Cgroup::MemoryInUse() const {
  const char* file = mode_ == internal::HostFacts::V2 ? "memory.current" : "memory.usage_in_bytes";
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadAt(DirectoryOf("memory"), file));
  int64_t bytes = 0;
  if (absl::SimpleAtoi(text, &bytes)) return bytes;
  return absl::InternalError(absl::StrCat("no number in ", file, " of ", name_));
}

absl::StatusOr<int64_t> Cgroup::OutOfMemoryKills() const {
  const char* file = mode_ == internal::HostFacts::V2 ? "memory.events" : "memory.oom_control";
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadAt(DirectoryOf("memory"), file));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    int64_t count = 0;
    if (absl::ConsumePrefix(&line, "oom_kill ") && absl::SimpleAtoi(line, &count)) return count;
  }
  return absl::InternalError(absl::StrCat("no oom_kill in ", file, " of ", name_));
}

absl::Status Cgroup::LiftCpuQuota() const {
  int directory = DirectoryOf("cpu");
  return mode_ == internal::HostFacts::V2 ? WriteControlFile(directory, "cpu.max", "max")
                                          : WriteControlFile(directory, "cpu.cfs_quota_us", "-1");
}

absl::StatusOr<int64_t> Cgroup::CpuTimeUs() const {
  return ReadCpuTimeUs(DirectoryOf(CpuTimeController(mode_)), mode_);
}

absl::Status Cgroup::SetBackground(bool background) const {
  return WriteControlFile(DirectoryOf("cpu"), "cpu.idle", background ? "1" : "0");
}

absl::Status Cgroup::SetProcessors(const std::string& list) const {
  return WriteControlFile(DirectoryOf(kCpuset), "cpuset.cpus", list);
}

absl::Status Cgroup::Freeze() const {
  if (mode_ == internal::HostFacts::V2) {
    return WriteControlFile(hierarchies_[0].directory.get(), "cgroup.freeze", "1");
  }
  return WriteControlFile(DirectoryOf("freezer"), "freezer.state", "FROZEN");
}

absl::StatusOr<bool> Cgroup::IsFrozen() const {
  if (mode_ == internal::HostFacts::V2) {
    WARREN_ASSIGN_OR_RETURN(std::string text,
                            ReadAt(hierarchies_[0].directory.get(), "cgroup.events"));
    return absl::StrContains(text, "frozen 1");
  }
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadAt(DirectoryOf("freezer"), "freezer.state"));
  // Until then it reads "FREEZING".
  return absl::StripTrailingAsciiWhitespace(text) == "FROZEN";
}

absl::Status Cgroup::Write(const internal::CgroupWrite& write) const {
  return WriteLimit(DirectoryOf(write.controller()), write);
}

absl::StatusOr<int64_t> Cgroup::PidsInUse() const {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadAt(DirectoryOf("pids"), "pids.current"));
  int64_t count = 0;
  if (absl::SimpleAtoi(text, &count)) return count;
  return absl::InternalError(absl::StrCat("no number in pids.current of ", name_));
}

absl::Status Cgroup::Thaw() const {
  if (mode_ == internal::HostFacts::V2) {
    return WriteControlFile(hierarchies_[0].directory.get(), "cgroup.freeze", "0");
  }
  return WriteControlFile(DirectoryOf("freezer"), "freezer.state", "THAWED");
}

absl::Status Cgroup::Remove() {
  absl::Status status;
  for (Hierarchy& hierarchy : hierarchies_) {
    if (::unlinkat(hierarchy.parent, name_.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) continue;
    // What is not empty counts first: it is to be tried again, whatever else went wrong.
    if (errno == EBUSY) {
      status = absl::FailedPreconditionError(absl::StrCat("cgroup ", name_, " is not empty yet"));
    } else if (!absl::IsFailedPrecondition(status)) {
      status = Errno(absl::StrCat("remove cgroup ", name_));
    }
  }
  return status;
}

absl::StatusOr<CgroupTree> CgroupTree::Create(const internal::HostFacts& facts,
                                              const std::string& parent,
                                              const std::string& instance) {
  CgroupTree tree;
  tree.mode_ = facts.cgroup_mode();
  std::vector<const char*> needed(std::begin(kNeeded), std::end(kNeeded));
  if (tree.mode_ == internal::HostFacts::V1) {
    needed.insert(needed.end(), std::begin(kNeededOnV1), std::end(kNeededOnV1));
  }
  for (const char* controller : needed) {
    if (!facts.controllers().contains(controller)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "no ", controller, " cgroup controller on this host; have: ",
          absl::StrJoin(
              facts.controllers(), " ",
              [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first); }),
          ". Enable it (`warren doctor` says how)"));
    }
  }
  for (const auto& [mount, controllers] : Mounts(facts)) {
    absl::StatusOr<UniqueFd> directory =
        MakeInstance(mount, controllers, parent, instance, tree.mode_);
    // Again: another supervisor, the last one of `parent` until now, removed it in between; or a
    // sweep looks whether the new directory is a dead one.
    for (int attempt = 1; attempt < kCreateAttempts && IsPassing(directory.status()); ++attempt) {
      if (absl::IsUnavailable(directory.status())) std::this_thread::sleep_for(kInterval);
      directory = MakeInstance(mount, controllers, parent, instance, tree.mode_);
    }
    // Nothing depends on it: a host that keeps it from us goes without.
    const bool only_cpuset = controllers == std::vector<std::string>{kCpuset};
    if (!directory.ok() && only_cpuset) continue;
    if (!directory.ok()) return directory.status();
    // Beside another v1 controller some of a sandbox's processes have groups of their own in it.
    if (only_cpuset || (tree.mode_ == internal::HostFacts::V2 && HasCpuset(facts)))
      tree.processors_ = FindProcessors(directory->get(), tree.mode_).value_or(Processors());
    tree.roots_.push_back({*std::move(directory), controllers});
  }
  return tree;
}

absl::StatusOr<Cgroup> CgroupTree::Add(
    const std::string& name,
    const google::protobuf::RepeatedPtrField<internal::CgroupWrite>& writes) {
  Cgroup group;
  group.mode_ = mode_;
  group.name_ = name;
  absl::Status status;
  for (const Root& root : roots_) {
    if (::mkdirat(root.directory.get(), name.c_str(), 0755) != 0) {
      status = Errno(absl::StrCat("make cgroup ", name));
      break;
    }
    UniqueFd directory(
        ::openat(root.directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    group.hierarchies_.push_back({root.directory.get(), std::move(directory), root.controllers});
  }
  for (const internal::CgroupWrite& write : writes) {
    if (!status.ok()) break;
    status = WriteLimit(group.DirectoryOf(write.controller()), write);
  }
  if (status.ok()) return group;
  group.Remove().IgnoreError();
  return status;
}

absl::Status CgroupTree::Limit(const CgroupTotals& totals) {
  const bool v2 = mode_ == internal::HostFacts::V2;
  internal::CgroupWrite memory;
  memory.set_controller("memory");
  memory.set_file(v2 ? "memory.max" : "memory.limit_in_bytes");
  memory.set_value(absl::StrCat(totals.memory_bytes));
  internal::CgroupWrite pids;
  pids.set_controller("pids");
  pids.set_file("pids.max");
  pids.set_value(absl::StrCat(totals.pids));
  WARREN_RETURN_IF_ERROR(WriteLimit(FindDirectory(roots_, "memory"), memory));
  return WriteLimit(FindDirectory(roots_, "pids"), pids);
}

absl::StatusOr<int64_t> CgroupTree::CpuTimeUs() const {
  return ReadCpuTimeUs(FindDirectory(roots_, CpuTimeController(mode_)), mode_);
}

void CgroupTree::RemoveAll(const internal::HostFacts& facts, const std::string& parent,
                           const std::string& instance) {
  ThawInstance(facts, parent, instance);
  for (const auto& [mount, controllers] : Mounts(facts))
    RemoveInstance(fs::path(mount) / parent, instance);
}

void CgroupTree::RemoveDead(const internal::HostFacts& facts, const std::string& parent,
                            const std::string& instance) {
  // All of its locks at first: what is in it sits in every hierarchy.
  std::vector<UniqueFd> locks;
  for (const auto& [mount, controllers] : Mounts(facts)) {
    std::string path = (fs::path(mount) / parent / instance).string();
    absl::StatusOr<UniqueFd> directory = OpenDirectory(path);
    if (absl::IsNotFound(directory.status())) continue;
    if (!directory.ok() || !LockInstance(directory->get(), path).ok()) return;
    locks.push_back(*std::move(directory));
  }
  if (!locks.empty()) RemoveAll(facts, parent, instance);
}

std::vector<std::string> CgroupTree::Instances(const internal::HostFacts& facts,
                                               const std::string& parent) {
  std::vector<std::string> names;
  for (const auto& [mount, controllers] : Mounts(facts)) {
    std::error_code error;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(fs::path(mount) / parent, error)) {
      std::string name = entry.path().filename().string();
      if (entry.is_directory(error) && std::count(names.begin(), names.end(), name) == 0)
        names.push_back(name);
    }
  }
  return names;
}

}  // namespace warren
