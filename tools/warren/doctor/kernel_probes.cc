// Requirements on the kernel itself: version, system calls, seccomp, Landlock.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/socket_lookup.h"
#include "tools/warren/doctor/child.h"
#include "tools/warren/doctor/probe.h"

namespace warren::doctor {
namespace {

Finding ProbeVersion(const Host& host) {
  absl::StatusOr<std::string> release = ReadFile(host.root + "/proc/sys/kernel/osrelease");
  if (!release.ok()) return Lacks(std::string(release.status().message()));
  std::string text(absl::StripAsciiWhitespace(*release));
  int major = 0;
  int minor = 0;
  // NOLINTNEXTLINE(cert-err34-c): a release that does not parse counts as 0.0
  std::sscanf(text.c_str(), "%d.%d", &major, &minor);
  int version = major * 1000 + minor;
  if (version < 5019) return Lacks(text);
  if (version < 6001) return Warn(absl::StrCat(text, ": pids.peak came with 6.1"));
  return Ok(text);
}

// A filter that a kernel with SECCOMP_MODE_FILTER takes, in a child that shows that it holds.
absl::Status TrySeccomp() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTNAM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{sizeof(code) / sizeof(code[0]), code};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Errno("set no_new_privs");
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    return Errno("load a seccomp filter");
  }
  errno = 0;
  if (::syscall(SYS_getppid) != -1 || errno != ENOTNAM) {
    return absl::InternalError("a loaded filter has no effect");
  }
  return absl::OkStatus();
}

Finding ProbeSeccomp(const Host&) {
  absl::Status status = InChild(TrySeccomp);
  if (!status.ok()) return Lacks(std::string(status.message()));
  unsigned action = SECCOMP_RET_KILL_PROCESS;
  if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0) {
    return Lacks("no SECCOMP_RET_KILL_PROCESS");
  }
  return Ok("filters load and hold");
}

Finding ProbeArchitecture(const Host&) {
#if defined(__x86_64__)
  return Ok("x86-64");
#else
  return Lacks("not x86-64");
#endif
}

Finding ProbeLandlock(const Host& host) {
  if (!host.facts.ok()) return Warn(std::string(host.facts.status().message()));
  int abi = host.facts->landlock_abi();
  return abi > 0 ? Ok(absl::StrCat("ABI ", abi)) : Warn("not there, or not enabled at boot");
}

// As the launcher uses it: a pidfd, and namespaces entered by it.
absl::Status TryClone3() {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | CLONE_NEWUTS;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  long pid = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid < 0) return Errno("clone3 with a pidfd");
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  absl::Status status;
  if (::setns(pidfd, CLONE_NEWUTS) != 0) status = Errno("setns by pidfd");
  if (::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) != 0) {
    status.Update(Errno("pidfd_send_signal"));
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
  ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return status;
}

Finding ProbeClone3(const Host&) {
  absl::Status status = InChild(TryClone3);
  return status.ok() ? Ok("clone3, setns and signals by pidfd work")
                     : Lacks(std::string(status.message()));
}

// As the launcher does it, which is root.
Finding ProbeSocketLookup(const Host&) {
  absl::Status status = InChild([] { return SocketLookup::Create(1).status(); });
  if (status.ok()) return Ok("programs of the type SK_LOOKUP load");
  return Warn(absl::StrCat(status.message(),
                           ": a sandbox with a network reaches the ports alone that its policy "
                           "lists, and cannot serve at those itself"));
}

}  // namespace

std::vector<Probe> KernelProbes() {
  return {
      {"kernel", "Linux 5.19 or newer: id-mapped lower layers of an overlay",
       "install a newer kernel; Debian 12 has 6.1", ProbeVersion},
      {"architecture", "x86-64: the seccomp policies are written for it", "use an x86-64 machine",
       ProbeArchitecture},
      {"seccomp", "seccomp filters, to bound what system calls a sandbox may make",
       "use a kernel with CONFIG_SECCOMP_FILTER; in a container, allow seccomp(2)", ProbeSeccomp},
      {"landlock", "Landlock, a further layer around files",
       "boot with landlock in the lsm= list (CONFIG_LANDLOCK)", ProbeLandlock},
      {"pidfd", "clone3 and pidfds, to make and enter sandboxes without races",
       "use Linux 5.8 or newer; in a container, let its seccomp profile allow clone3, setns and "
       "pidfd_send_signal, and run as root",
       ProbeClone3},
      {"socket lookup", "SK_LOOKUP programs, to lead all that a sandbox sends out to the relay",
       "use Linux 5.9 or newer with CONFIG_BPF_SYSCALL; in a container, let its "
       "seccomp profile allow bpf, and run as root with CAP_NET_ADMIN and CAP_BPF",
       ProbeSocketLookup},
  };
}

}  // namespace warren::doctor
