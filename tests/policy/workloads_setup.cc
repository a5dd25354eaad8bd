#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/policy/workloads.h"

// What Warren's own processes do under their policies: the zygote and its contexts, and the
// sandbox's init. They take the privileges of root, as those processes do.
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

// What the init workloads prepare: a control socket, a child to reap.
int control[2];
pid_t orphan = -1;

bool MakeControl() {
  return Step(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) == 0, "socketpair");
}

bool InitServes() {
  char byte = 'x';
  iovec part = {&byte, 1};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return Step(::sendmsg(control[0], &message, MSG_NOSIGNAL) == 1, "sendmsg") &&
         Step(::recvmsg(control[1], &message, 0) == 1, "recvmsg") &&
         Step(::write(control[0], "x", 1) == 1, "write") &&
         Step(::read(control[1], &byte, 1) == 1, "read") && Step(::close(control[0]) == 0, "close");
}

bool InitPolls() {
  pollfd socket = {control[0], POLLOUT, 0};
  timespec at_once = {};
  return Step(::poll(&socket, 1, 0) == 1, "poll") &&
         Step(::ppoll(&socket, 1, &at_once, nullptr) == 1, "ppoll");
}

bool MakeOrphan() {
  pid_t self = ::getpid();
  orphan = ::fork();
  if (orphan != 0) return Step(orphan > 0, "fork");
  DieWith(self);
  while (true) ::pause();
}

bool InitReaps() {
  siginfo_t info;
  return SignalChild(orphan, SIGKILL) &&
         Step(::waitid(P_PID, static_cast<id_t>(orphan), &info, WEXITED | WNOWAIT) == 0,
              "waitid") &&
         Step(::waitpid(orphan, nullptr, 0) == orphan, "wait4");
}

// Forks a helper that calls `disturb` with this process once it sleeps.
bool DisturbMeAsleep(void (*disturb)(pid_t target)) {
  pid_t target = ::getpid();
  pid_t helper = ::fork();
  if (helper != 0) return Step(helper > 0, "fork");
  DieWith(target);
  WaitUntil(target, ProcessState::kAsleep);
  disturb(target);
  ::_exit(0);
}

bool InterruptMeAsleep() {
  return DisturbMeAsleep([](pid_t target) { SignalChild(target, SIGUSR1); });
}

int stopped_poll[2];

// Stops this process in its poll, lets it go on, and only then gives it what it polls for.
bool StopMeAsleep() {
  return Step(::pipe2(stopped_poll, O_CLOEXEC) == 0, "pipe2") && DisturbMeAsleep([](pid_t target) {
           SignalChild(target, SIGSTOP);
           WaitUntil(target, ProcessState::kStopped);
           SignalChild(target, SIGCONT);
           Step(::write(stopped_poll[1], "x", 1) == 1, "write");
         });
}

bool InitTakesSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  return Step(::sigaction(SIGUSR1, &action, nullptr) == 0, "sigaction") &&
         Step(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0, "sigprocmask") &&
         Step(::signalfd(-1, &set, SFD_CLOEXEC) >= 0, "signalfd") &&
         Step(::poll(nullptr, 0, -1) == -1 && errno == EINTR, "poll, interrupted by a handler");
}

bool InitPollsAcrossStop() {
  pollfd end = {stopped_poll[0], POLLIN, 0};
  return Step(::poll(&end, 1, -1) == 1, "poll, stopped and continued");
}

}  // namespace

std::map<std::string, Workload> SetupWorkloads() {
  return {
      {"join_namespace", {JoinNamespace}},
      {"become_user", {BecomeUser}},
      {"drop_capabilities", {DropCapabilities}},
      {"drop_bounding_set", {DropBoundingSet}},
      {"lock_securebits", {LockSecurebits}},
      {"clear_ambient_set", {ClearAmbientSet}},
      {"restrict_by_landlock", {RestrictByLandlock}},
      {"install_filter", {InstallFilter}},
      {"init_serves", {InitServes, MakeControl}},
      {"init_polls", {InitPolls, MakeControl}},
      {"init_reaps", {InitReaps, MakeOrphan}},
      {"init_takes_signals", {InitTakesSignals, InterruptMeAsleep}},
      {"init_polls_across_stop", {InitPollsAcrossStop, StopMeAsleep}},
  };
}

}  // namespace warren::testing
