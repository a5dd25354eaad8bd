#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/policy/init_program.h"
#include "tests/policy/workloads.h"

// What Warren's own processes do under their policies: the zygote and its contexts in small pieces,
// the sandbox's init as the program that it is. They take the privileges of root, as those do.
namespace warren::testing {
namespace {

bool JoinNamespace() {
  int own = ::open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  return Step(own >= 0 && ::setns(own, CLONE_NEWUTS) == 0, "setns");
}

bool BecomeUser() {
  return Step(::syscall(SYS_setgroups, 0, nullptr) == 0, "setgroups") &&
         Step(::syscall(SYS_setresgid, 1000, 1000, 1000) == 0, "setresgid") &&
         Step(::syscall(SYS_setresuid, 1000, 1000, 1000) == 0, "setresuid");
}

// In children: each leaves its caller without what the next one needs.
bool Gives(long result, const char* call) { return Step(result == 0, call); }
bool InChild(bool (*body)()) {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(body() ? 0 : 1);
  return ExitedWell(pid);
}
bool BecomeUserByOlderCalls() {
  return InChild([] {
           return Gives(::syscall(SYS_setgid, 1000), "setgid") &&
                  Gives(::syscall(SYS_setuid, 1000), "setuid");
         }) &&
         InChild([] {
           return Gives(::syscall(SYS_setregid, 1000, 1000), "setregid") &&
                  Gives(::syscall(SYS_setreuid, 1000, 1000), "setreuid");
         });
}

// They return what was before, also where they fail: the second call tells.
bool OpenFilesAsUser() {
  return InChild([] {
    ::syscall(SYS_setfsgid, 1000);
    ::syscall(SYS_setfsuid, 1000);
    return Step(::syscall(SYS_setfsgid, 1000) == 1000, "setfsgid") &&
           Step(::syscall(SYS_setfsuid, 1000) == 1000, "setfsuid");
  });
}

bool DropCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  return Step(::syscall(SYS_capset, &header, none) == 0, "capset");
}

bool DropBoundingSet() {
  return Step(::prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0) == 0, "PR_CAPBSET_DROP");
}
bool LockSecurebits() {
  constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED;
  return Step(::prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0) == 0, "PR_SET_SECUREBITS");
}
bool ClearAmbientSet() {
  return Step(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0, "PR_CAP_AMBIENT");
}

bool BecomeSubreaper() {
  return Step(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "PR_SET_CHILD_SUBREAPER");
}

// With arguments that every kernel with Landlock refuses for themselves.
bool RestrictByLandlock() {
  return Step(NotFiltered(::syscall(SYS_landlock_create_ruleset, nullptr, 0, 0)),
              "landlock_create_ruleset") &&
         Step(NotFiltered(::syscall(SYS_landlock_add_rule, -1, 1, nullptr, 0)),
              "landlock_add_rule") &&
         Step(NotFiltered(::syscall(SYS_landlock_restrict_self, -1, 0)), "landlock_restrict_self");
}

bool InstallFilter() {
  sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  sock_fprog program = {1, &allow};
  return Step(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "seccomp");
}

}  // namespace

std::map<std::string, Workload> SetupWorkloads() {
  return {
      {"join_namespace", {JoinNamespace}},
      {"become_user", {BecomeUser}},
      {"become_user_by_older_calls", {BecomeUserByOlderCalls}},
      {"open_files_as_user", {OpenFilesAsUser}},
      {"drop_capabilities", {DropCapabilities}},
      {"drop_bounding_set", {DropBoundingSet}},
      {"lock_securebits", {LockSecurebits}},
      {"clear_ambient_set", {ClearAmbientSet}},
      {"become_subreaper", {BecomeSubreaper}},
      {"restrict_by_landlock", {RestrictByLandlock}},
      {"install_filter", {InstallFilter}},
      {"init_program", {.program = RunInitProgram}},
  };
}

}  // namespace warren::testing
