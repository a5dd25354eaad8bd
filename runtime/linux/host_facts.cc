#include "runtime/linux/host_facts.h"

#include <fcntl.h>
#include <libcgroup.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/linux/pace.h"
#include "runtime/linux/socket_lookup.h"

namespace warren {
namespace {

bool AtLeast(const std::string& release, int major, int minor) {
  int found_major = 0;
  int found_minor = 0;
  // NOLINTNEXTLINE(cert-err34-c): a release that does not parse counts as 0.0
  std::sscanf(release.c_str(), "%d.%d", &found_major, &found_minor);
  return found_major > major || (found_major == major && found_minor >= minor);
}

absl::Status CgroupError(absl::string_view what, int code) {
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": ", cgroup_strerror(code),
                   "; are the cgroup hierarchies mounted below /sys/fs/cgroup?"));
}

bool IsUnified(const char* path) {
  struct statfs info;
  return ::statfs(path, &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

// libcgroup lists the controllers of v1 and v2 hierarchies alike; where memory sits decides the
// mode.
absl::Status FindControllers(internal::HostFacts& facts) {
  if (int code = cgroup_init(); code != 0) return CgroupError("find the cgroup hierarchies", code);
  void* handle = nullptr;
  cgroup_mount_point mount;
  bool unified = true;
  int code = cgroup_get_controller_begin(&handle, &mount);
  for (; code == 0; code = cgroup_get_controller_next(&handle, &mount)) {
    (*facts.mutable_controllers())[mount.name] = mount.path;
    if (absl::string_view(mount.name) == "memory") unified = IsUnified(mount.path);
  }
  cgroup_get_controller_end(&handle);
  if (code != ECGEOF) return CgroupError("list the cgroup controllers", code);
  facts.set_cgroup_mode(unified ? internal::HostFacts::V2 : internal::HostFacts::V1);
  return absl::OkStatus();
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void FindSwap(internal::HostFacts& facts) {
  absl::StatusOr<std::string> swaps = ReadFile("/proc/swaps");
  // The first line is a heading.
  facts.set_swap_present(
      swaps.ok() &&
      std::vector<std::string>(absl::StrSplit(*swaps, '\n', absl::SkipEmpty())).size() > 1);
  if (facts.cgroup_mode() == internal::HostFacts::V1) {
    auto memory = facts.controllers().find("memory");
    facts.set_swap_limit(memory != facts.controllers().end() &&
                         Exists(absl::StrCat(memory->second, "/memory.memsw.limit_in_bytes")));
  } else {
    // The root group has no limits to look at; a kernel built with swap has memory.swap.max in all
    // others.
    facts.set_swap_limit(swaps.ok());
  }
}

// On a tmpfs that is never attached anywhere.
bool TmpfsStoresUserAttributes() {
  UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context.valid() ||
      ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return false;
  }
  UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount.valid()) return false;
  UniqueFd root(::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return root.valid() && ::fsetxattr(root.get(), "user.warren", "1", 1, 0) == 0;
}

absl::StatusOr<int64_t> ReadNumber(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  int64_t number = 0;
  if (absl::SimpleAtoi(text, &number)) return number;
  return absl::InternalError(absl::StrCat(path, " holds no number"));
}

int LandlockAbi() {
  long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

}  // namespace

absl::StatusOr<internal::HostFacts> DetectHostFacts() {
  internal::HostFacts facts;
  utsname name;
  if (::uname(&name) != 0) return Errno("uname");
  facts.set_kernel_release(name.release);
  WARREN_RETURN_IF_ERROR(FindControllers(facts));
  FindSwap(facts);
  bool v1 = facts.cgroup_mode() == internal::HostFacts::V1;
  facts.set_tmpfs_user_xattr(TmpfsStoresUserAttributes());
  facts.set_landlock_abi(LandlockAbi());
  facts.set_cgroup_kill(!v1 && AtLeast(name.release, 5, 14));
  facts.set_memory_peak(v1 || AtLeast(name.release, 5, 19));
  facts.set_pids_peak(v1 ? AtLeast(name.release, 6, 11) : AtLeast(name.release, 6, 1));
  facts.set_cpus(::get_nprocs());
  struct sysinfo info;
  if (::sysinfo(&info) != 0) return Errno("sysinfo");
  facts.set_memory_bytes(static_cast<int64_t>(info.totalram) * info.mem_unit);
  WARREN_ASSIGN_OR_RETURN(const int64_t pids, ReadNumber("/proc/sys/kernel/pid_max"));
  WARREN_ASSIGN_OR_RETURN(const int64_t threads, ReadNumber("/proc/sys/kernel/threads-max"));
  facts.set_processes(std::min(pids, threads));
  rlimit files;
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return Errno("getrlimit NOFILE");
  facts.set_open_files(static_cast<int64_t>(files.rlim_max));
  facts.set_pace(Pace());
  facts.set_socket_lookup(SocketLookup::Create(1).ok());
  return facts;
}

}  // namespace warren
