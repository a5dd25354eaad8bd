#include "runtime/linux/process.h"

#include <signal.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// What the launcher does with each: SYS_ADMIN namespaces, mounts, and BPF programs; SETUID, SETGID
// id maps and the supervisor's identity; KILL signals to sandboxes; MKNOD device trees;
// DAC_OVERRIDE, CHOWN, FOWNER cgroup files and the runtime directory; SYS_PTRACE namespaces by
// pidfd; SETPCAP dropping; SYS_RESOURCE the pipe quota where it has it; SETFCAP an id map that maps
// host root's range is refused without.
constexpr cap_value_t kLauncherCapabilities[] = {
    CAP_SYS_ADMIN,    CAP_SETUID, CAP_SETGID, CAP_KILL,    CAP_MKNOD,        CAP_SYS_PTRACE,
    CAP_DAC_OVERRIDE, CAP_CHOWN,  CAP_FOWNER, CAP_SETPCAP, CAP_SYS_RESOURCE, CAP_SETFCAP};

}  // namespace

absl::StatusOr<pid_t> PidOf(int pidfd) {
  WARREN_ASSIGN_OR_RETURN(std::string info, ReadFile(absl::StrCat("/proc/self/fdinfo/", pidfd)));
  for (absl::string_view line : absl::StrSplit(info, '\n')) {
    pid_t pid = -1;
    if (absl::ConsumePrefix(&line, "Pid:") && absl::SimpleAtoi(line, &pid) && pid > 0) return pid;
  }
  return absl::NotFoundError("the process of this pidfd is gone");
}

absl::Status SignalProcess(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 || errno == ESRCH)
    return absl::OkStatus();
  return Errno(absl::StrCat("send signal ", signal));
}

absl::StatusOr<std::string> ProcessName(pid_t pid) {
  WARREN_ASSIGN_OR_RETURN(std::string stat, ReadFile(absl::StrCat("/proc/", pid, "/stat")));
  // The command in parentheses may hold anything, blanks and parentheses included.
  size_t end = stat.rfind(')');
  std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(stat).substr(end == std::string::npos ? 0 : end + 1), ' ',
                     absl::SkipEmpty());
  constexpr size_t kStartTime = 19;
  if (fields.size() <= kStartTime)
    return absl::InternalError(absl::StrCat("cannot parse /proc/", pid, "/stat"));
  std::string name_space = absl::StrCat("/proc/", pid, "/ns/pid");
  struct stat info;
  if (::stat(name_space.c_str(), &info) != 0) return Errno(absl::StrCat("stat ", name_space));
  return absl::StrCat(pid, "-", fields[kStartTime], "-", info.st_ino);
}

absl::Status KeepLauncherCapabilities() {
  std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> current(cap_get_proc(), cap_free);
  std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> kept(cap_init(), cap_free);
  if (!current || !kept) return Errno("read the launcher's capabilities");
  for (cap_value_t capability : kLauncherCapabilities) {
    cap_flag_value_t has = CAP_CLEAR;
    if (cap_get_flag(current.get(), capability, CAP_PERMITTED, &has) != 0 || has == CAP_CLEAR)
      continue;
    cap_set_flag(kept.get(), CAP_PERMITTED, 1, &capability, CAP_SET);
    cap_set_flag(kept.get(), CAP_EFFECTIVE, 1, &capability, CAP_SET);
  }
  for (cap_value_t capability = 0; capability <= cap_max_bits() - 1; ++capability) {
    bool keep = std::count(std::begin(kLauncherCapabilities), std::end(kLauncherCapabilities),
                           capability) > 0;
    if (!keep && cap_drop_bound(capability) != 0 && errno != EINVAL)
      return Errno("drop a bounding capability");
  }
  if (cap_set_proc(kept.get()) != 0) return Errno("set the launcher's capabilities");
  return absl::OkStatus();
}

}  // namespace warren
