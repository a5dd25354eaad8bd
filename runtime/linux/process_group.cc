#include "runtime/linux/process_group.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// The controllers whose hierarchies a process has a group of its own in, on v1.
constexpr const char* kOwnGroup[] = {"freezer", "cpuacct"};

absl::StatusOr<std::vector<pid_t>> PidsIn(int directory) {
  UniqueFd fd(::openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Errno("open cgroup.procs");
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadAll(fd.get()));
  std::vector<pid_t> pids;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids.push_back(pid);
  }
  return pids;
}

// On v1 and hybrid hosts the directory is one of the hierarchy with the freezer.
absl::Status SetFrozen(int directory, internal::HostFacts::CgroupMode mode, bool frozen) {
  if (mode == internal::HostFacts::V2)
    return WriteControlFile(directory, "cgroup.freeze", frozen ? "1" : "0");
  return WriteControlFile(directory, "freezer.state", frozen ? "FROZEN" : "THAWED");
}

// Frozen, they neither fork nor end, so that no pid of the list can have gone to another process
// when it is signalled. They end when they are thawed: a frozen task of v1 does not take its
// SIGKILL.
// Returns how many it signalled.
absl::StatusOr<int> FreezeAndKill(int directory, internal::HostFacts::CgroupMode mode,
                                  pid_t spared) {
  int signalled = 0;
  absl::Status status = SetFrozen(directory, mode, true);
  if (status.ok()) {
    absl::StatusOr<std::vector<pid_t>> pids = PidsIn(directory);
    status = pids.status();
    for (pid_t pid : pids.value_or(std::vector<pid_t>())) {
      if (pid != spared && ::kill(pid, SIGKILL) == 0) ++signalled;
    }
  }
  status.Update(SetFrozen(directory, mode, false));
  if (!status.ok()) return status;
  return signalled;
}

// Opens a file for writing with `user` as the effective one, who then has no capability.
absl::StatusOr<UniqueFd> OpenAs(uid_t user, int directory, const char* file) {
  constexpr uid_t kSame = static_cast<uid_t>(-1);
  const uid_t own = ::geteuid();
  // By the raw call: of this thread alone.
  if (::syscall(SYS_setresuid, kSame, user, kSame) != 0) return Errno("become a sandbox's root");
  UniqueFd fd(::openat(directory, file, O_WRONLY | O_CLOEXEC));
  const int error = errno;
  // Nothing can go on as somebody else.
  if (::syscall(SYS_setresuid, kSame, own, kSame) != 0) std::abort();
  if (!fd.valid()) return absl::ErrnoToStatus(error, absl::StrCat("open ", file, " of a group"));
  return fd;
}

}  // namespace

absl::StatusOr<ProcessGroup> ProcessGroup::Make(const Cgroup& sandbox, const std::string& name) {
  ProcessGroup group(sandbox, name);
  const bool v2 = sandbox.mode() == internal::HostFacts::V2;
  for (const Cgroup::Hierarchy& hierarchy : sandbox.hierarchies()) {
    UniqueFd& directory = group.directories_.emplace_back();
    if (!v2 && !hierarchy.HasAny(kOwnGroup)) continue;
    if (::mkdirat(hierarchy.directory.get(), name.c_str(), 0755) == 0) {
      directory.reset(
          ::openat(hierarchy.directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    if (directory.valid()) continue;
    absl::Status status = Errno(absl::StrCat("make process group ", name));
    group.Remove().IgnoreError();
    return status;
  }
  return group;
}

absl::StatusOr<std::vector<UniqueFd>> ProcessGroup::OpenProcs() const {
  std::vector<int> directories;
  for (size_t i = 0; i < directories_.size(); ++i) {
    directories.push_back(directories_[i].valid() ? directories_[i].get()
                                                  : sandbox_->hierarchies()[i].directory.get());
  }
  return Cgroup::OpenProcsIn(directories, sandbox_->mode());
}

absl::StatusOr<std::vector<UniqueFd>> ProcessGroup::OpenProcsAs(uid_t root) const {
  const bool v2 = sandbox_->mode() == internal::HostFacts::V2;
  const char* file = v2 ? "cgroup.procs" : "tasks";
  std::vector<UniqueFd> opened;
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    // On v2 a move is also judged by the group that the old and the new one have in common.
    const int common = sandbox_->hierarchies()[i].directory.get();
    if (v2 && ::fchownat(common, file, root, static_cast<gid_t>(-1), 0) != 0)
      return Errno("give cgroup.procs of a sandbox to its root");
    if (::fchownat(directories_[i].get(), file, root, static_cast<gid_t>(-1), 0) != 0)
      return Errno(absl::StrCat("give ", file, " of a process group to its sandbox's root"));
    WARREN_ASSIGN_OR_RETURN(UniqueFd fd, OpenAs(root, directories_[i].get(), file));
    opened.push_back(std::move(fd));
  }
  return opened;
}

absl::StatusOr<int64_t> ProcessGroup::CpuTimeUs() const {
  for (size_t i = 0; i < directories_.size(); ++i) {
    const char* controller = CpuTimeController(sandbox_->mode());
    if (sandbox_->hierarchies()[i].Has(controller)) {
      return ReadCpuTimeUs(directories_[i].get(), sandbox_->mode());
    }
  }
  return absl::InternalError("no hierarchy counts CPU time");
}

absl::Status ProcessGroup::Kill() const {
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    if (sandbox_->mode() == internal::HostFacts::V1) {
      if (!sandbox_->hierarchies()[i].Has("freezer")) continue;
      return FreezeAndKill(directories_[i].get(), sandbox_->mode(), 0).status();
    }
    absl::Status status = WriteControlFile(directories_[i].get(), "cgroup.kill", "1");
    // Linux before 5.14 has no such file.
    if (!absl::IsNotFound(status)) return status;
    return FreezeAndKill(directories_[i].get(), sandbox_->mode(), 0).status();
  }
  return absl::InternalError("no hierarchy has a freezer");
}

absl::Status ProcessGroup::Thaw() const {
  for (size_t i = 0; i < directories_.size(); ++i) {
    const bool v2 = sandbox_->mode() == internal::HostFacts::V2;
    if (directories_[i].valid() && (v2 || sandbox_->hierarchies()[i].Has("freezer")))
      return SetFrozen(directories_[i].get(), sandbox_->mode(), false);
  }
  return absl::InternalError("no hierarchy has a freezer");
}

absl::Status ProcessGroup::Remove() {
  absl::Status status;
  for (size_t i = 0; i < directories_.size(); ++i) {
    if (!directories_[i].valid()) continue;
    int parent = sandbox_->hierarchies()[i].directory.get();
    if (::unlinkat(parent, name_.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
      continue;
    }
    if (errno == EBUSY) {
      status =
          absl::FailedPreconditionError(absl::StrCat("process group ", name_, " is not empty yet"));
    } else if (!absl::IsFailedPrecondition(status)) {
      status = Errno(absl::StrCat("remove process group ", name_));
    }
  }
  return status;
}

absl::StatusOr<int> KillAllBut(const Cgroup& sandbox, pid_t spared) {
  for (const Cgroup::Hierarchy& hierarchy : sandbox.hierarchies()) {
    if (sandbox.mode() == internal::HostFacts::V2 || hierarchy.Has("freezer")) {
      return FreezeAndKill(hierarchy.directory.get(), sandbox.mode(), spared);
    }
  }
  return absl::InternalError("no hierarchy has a freezer");
}

}  // namespace warren
