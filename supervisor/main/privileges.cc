#include "supervisor/main/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr char kDefaultUser[] = "warren";
// The kernel has at most 64 capabilities; a number beyond its last answers EINVAL.
constexpr int kCapabilities = 64;

absl::Status EmptyBoundingSet() {
  for (int capability = 0; capability < kCapabilities; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) {
      return Errno(absl::StrCat("drop capability ", capability, " from the bounding set"));
    }
  }
  return absl::OkStatus();
}

absl::Status EmptyCapabilities() {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return Errno("clear the ambient capabilities");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return Errno("capset");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ServingUser> FindServingUser(const std::string& user) {
  ServingUser result;
  uint32_t number;
  if (!user.empty() && absl::SimpleAtoi(user, &number)) {
    const passwd* entry = ::getpwuid(number);
    result = {number, entry != nullptr ? entry->pw_gid : number};
  } else if (const passwd* entry = ::getpwnam(user.empty() ? kDefaultUser : user.c_str())) {
    result = {entry->pw_uid, entry->pw_gid};
  } else if (user.empty()) {
    result = {kFallbackUid, kFallbackUid};
  } else {
    return absl::InvalidArgumentError(absl::StrCat("--user: there is no user \"", user, "\""));
  }
  if (result.uid == 0) {
    return absl::InvalidArgumentError(
        "--user: the supervisor does not serve as root; name another user");
  }
  return result;
}

absl::Status CheckRoot() {
  if (::geteuid() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "warrend must be started as root: its launcher makes namespaces, cgroups and mounts. It "
      "gives root up itself "
      "before it serves");
}

absl::StatusOr<int64_t> RaiseOpenFiles() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("getrlimit NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return Errno("setrlimit NOFILE");
  return static_cast<int64_t>(limit.rlim_cur);
}

absl::Status DropPrivileges(const ServingUser& user) {
  // The bounding set first: dropping from it needs CAP_SETPCAP, which goes with the ids.
  WARREN_RETURN_IF_ERROR(EmptyBoundingSet());
  if (::setgroups(0, nullptr) != 0) return Errno("setgroups");
  if (::setresgid(user.gid, user.gid, user.gid) != 0)
    return Errno(absl::StrCat("setresgid ", user.gid));
  if (::setresuid(user.uid, user.uid, user.uid) != 0)
    return Errno(absl::StrCat("setresuid ", user.uid));
  WARREN_RETURN_IF_ERROR(EmptyCapabilities());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Errno("set no_new_privs");
  // After the ids, whose change may set it: no other process of this user may read this one's
  // memory.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Errno("clear dumpable");
  if (::setresuid(0, 0, 0) == 0 || ::geteuid() != user.uid || ::getegid() != user.gid) {
    return absl::InternalError("root could be regained after it was given up");
  }
  return absl::OkStatus();
}

}  // namespace warren
