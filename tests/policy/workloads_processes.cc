#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/policy/workloads.h"

// Processes, threads, signals and time. Raw system calls where glibc would choose another one or
// answer from the vDSO.
namespace warren::testing {
namespace {

constexpr int kPrSetVma = 0x53564d41;

bool ForkProcess() {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  return Step(pid > 0, "fork") && Step(ExitedWell(pid), "wait for the child");
}

bool StartThread() {
  pthread_t thread;
  errno = ::pthread_create(
      &thread, nullptr, [](void* argument) { return argument; }, nullptr);
  return Step(errno == 0, "pthread_create") && ::pthread_join(thread, nullptr) == 0;
}

bool MuslProcesses() {
  long pid = ::syscall(SYS_fork);
  if (pid == 0) ::syscall(SYS_exit_group, 0);
  return Step(pid > 0, "fork") && Step(ExitedWell(static_cast<int>(pid)), "wait for the child") &&
         Step(::syscall(SYS_tkill, ::gettid(), 0) == 0, "tkill");
}

bool ExecuteDescriptor() {
  int program = ::open("/bin/true", O_PATH | O_CLOEXEC);
  const char* argv[] = {"true", nullptr};
  const char* envp[] = {nullptr};
  pid_t pid = ::fork();
  if (pid == 0) {
    ::syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
    ::_exit(127);
  }
  return Step(ExitedWell(pid), "execveat");
}

bool ProcessDescriptors() {
  pid_t self = ::getpid();
  pid_t pid = ::fork();
  if (pid == 0) {
    DieWith(self);
    ::pause();
    ::_exit(1);
  }
  int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  siginfo_t info;
  return Step(pidfd >= 0, "pidfd_open") &&
         Step(::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) == 0,
              "pidfd_send_signal") &&
         Step(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) == 0, "waitid");
}

bool ProcessQueries() {
  unsigned ids[3];
  tms used;
  return Step(::getsid(0) >= 0, "getsid") &&
         Step(::getresuid(&ids[0], &ids[1], &ids[2]) == 0, "getresuid") &&
         Step(::getresgid(&ids[0], &ids[1], &ids[2]) == 0, "getresgid") &&
         Step(::syscall(SYS_times, &used) != -1, "times");
}

bool CapabilityQuery() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  return Step(::syscall(SYS_capget, &header, data) == 0, "capget");
}

bool OwnResourceLimits() {
  rlimit limit;
  return Step(::getrlimit(RLIMIT_STACK, &limit) == 0, "getrlimit") &&
         Step(::setrlimit(RLIMIT_STACK, &limit) == 0, "setrlimit");
}

bool Scheduling() {
  sched_param parameter = {};
  cpu_set_t cpus;
  timespec interval;
  return Step(::sched_setparam(0, &parameter) == 0, "sched_setparam") &&
         Step(::sched_getaffinity(0, sizeof(cpus), &cpus) == 0, "sched_getaffinity") &&
         Step(::sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity") &&
         Step(::sched_get_priority_max(SCHED_RR) > 0, "sched_get_priority_max") &&
         Step(::sched_get_priority_min(SCHED_RR) > 0, "sched_get_priority_min") &&
         Step(::sched_rr_get_interval(0, &interval) == 0, "sched_rr_get_interval");
}

bool CurrentCpu() {
  unsigned cpu;
  return Step(::syscall(SYS_getcpu, &cpu, nullptr, nullptr) == 0, "getcpu");
}

bool ThreadPointer() {
  // The first word of the thread control block points to itself.
  unsigned long self;
  asm("mov %%fs:0, %0" : "=r"(self));
  return Step(::syscall(SYS_arch_prctl, ARCH_SET_FS, self) == 0, "arch_prctl");
}

bool PersonalityQuery() { return Step(::personality(0xffffffff) >= 0, "personality"); }
bool PersonalityDefault() { return Step(::personality(PER_LINUX) >= 0, "personality"); }

bool PrctlParentDeathSignal() {
  int signal = 0;
  return Step(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "PR_SET_PDEATHSIG") &&
         Step(::prctl(PR_GET_PDEATHSIG, &signal) == 0, "PR_GET_PDEATHSIG");
}
bool PrctlDumpable() {
  return Step(::prctl(PR_GET_DUMPABLE) >= 0, "PR_GET_DUMPABLE") &&
         Step(::prctl(PR_SET_DUMPABLE, 0) == 0, "PR_SET_DUMPABLE");
}
bool PrctlName() {
  char name[16] = "worker";
  return Step(::prctl(PR_SET_NAME, name) == 0, "PR_SET_NAME") &&
         Step(::prctl(PR_GET_NAME, name) == 0, "PR_GET_NAME");
}
bool PrctlBoundingSet() {
  return Step(::prctl(PR_CAPBSET_READ, CAP_CHOWN) >= 0, "PR_CAPBSET_READ");
}
bool PrctlNoNewPrivs() {
  return Step(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS") &&
         Step(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "PR_GET_NO_NEW_PRIVS");
}
bool PrctlHugePages() {
  return Step(::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) >= 0, "PR_GET_THP_DISABLE");
}
// A kernel may be built without names for mappings and answers EINVAL then.
bool PrctlMappingName() { return Step(NotFiltered(::prctl(kPrSetVma, 0, 0, 0, 0)), "PR_SET_VMA"); }

int alarm_clock[2];

bool MakeAlarmClock() { return Step(::pipe2(alarm_clock, O_CLOEXEC) == 0, "pipe2"); }

// The sleep ends when it is told to, after the stop, however long that took to come.
bool SleepAcrossStop() {
  pid_t pid = ::fork();
  if (pid == 0) {
    pollfd ring = {alarm_clock[0], POLLIN, 0};
    ::_exit(::poll(&ring, 1, -1) == 1 ? 0 : 1);
  }
  WaitUntil(pid, ProcessState::kAsleep);
  return SignalChild(pid, SIGSTOP) && ::waitpid(pid, nullptr, WUNTRACED) == pid &&
         SignalChild(pid, SIGCONT) && Step(::write(alarm_clock[1], "x", 1) == 1, "write") &&
         Step(ExitedWell(pid), "poll, stopped and continued");
}

sigset_t Blocked(int signal) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return set;
}

bool WaitForSignals() {
  sigset_t set = Blocked(SIGUSR1);
  sigset_t pending;
  timespec at_once = {};
  ::signal(SIGALRM, [](int) {});
  // Again and again: the first may come before the pause.
  itimerval soon = {{0, 20'000}, {0, 20'000}};
  bool worked = Step(::sigpending(&pending) == 0, "sigpending") &&
                ::kill(::getpid(), SIGUSR1) == 0 &&
                Step(::sigtimedwait(&set, nullptr, &at_once) == SIGUSR1, "sigtimedwait") &&
                Step(::signalfd(-1, &set, SFD_CLOEXEC) >= 0, "signalfd") &&
                ::setitimer(ITIMER_REAL, &soon, nullptr) == 0;
  return worked && Step(::syscall(SYS_pause) == -1 && errno == EINTR, "pause");
}

bool QueueSignals() {
  Blocked(SIGUSR1);
  if (!Step(::sigqueue(::getpid(), SIGUSR1, {}) == 0, "sigqueue")) return false;
  errno = ::pthread_sigqueue(::pthread_self(), SIGUSR1, {});
  return Step(errno == 0, "pthread_sigqueue");
}

bool ShortSleep() {
  timespec time = {0, 1000};
  return Step(::syscall(SYS_nanosleep, &time, nullptr) == 0, "nanosleep");
}

bool ReadClocks() {
  timespec time;
  timeval old_time;
  return Step(::syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &time) == 0,
              "clock_gettime") &&
         Step(::syscall(SYS_gettimeofday, &old_time, nullptr) == 0, "gettimeofday") &&
         Step(::syscall(SYS_time, nullptr) > 0, "time") &&
         Step(::syscall(SYS_clock_getres, CLOCK_MONOTONIC, &time) == 0, "clock_getres");
}

bool PosixTimers() {
  itimerval old_timer;
  itimerspec left;
  sigevent event = {};
  event.sigev_notify = SIGEV_NONE;
  timer_t timer;
  return Step(::getitimer(ITIMER_REAL, &old_timer) == 0, "getitimer") &&
         Step(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create") &&
         Step(::timer_gettime(timer, &left) == 0, "timer_gettime") &&
         Step(::timer_getoverrun(timer) >= 0, "timer_getoverrun") &&
         Step(::timer_delete(timer) == 0, "timer_delete");
}

bool TimerDescriptors() {
  itimerspec time = {{}, {100, 0}};
  int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  return Step(fd >= 0, "timerfd_create") &&
         Step(::timerfd_settime(fd, 0, &time, nullptr) == 0, "timerfd_settime") &&
         Step(::timerfd_gettime(fd, &time) == 0, "timerfd_gettime");
}

}  // namespace

std::map<std::string, Workload> ProcessWorkloads() {
  return {
      {"fork_process", {ForkProcess}},
      {"start_thread", {StartThread}},
      {"musl_processes", {MuslProcesses}},
      {"execute_descriptor", {ExecuteDescriptor}},
      {"process_descriptors", {ProcessDescriptors}},
      {"process_queries", {ProcessQueries}},
      {"capability_query", {CapabilityQuery}},
      {"own_resource_limits", {OwnResourceLimits}},
      {"scheduling", {Scheduling}},
      {"current_cpu", {CurrentCpu}},
      {"thread_pointer", {ThreadPointer}},
      {"personality_query", {PersonalityQuery}},
      {"personality_default", {PersonalityDefault}},
      {"prctl_parent_death_signal", {PrctlParentDeathSignal}},
      {"prctl_dumpable", {PrctlDumpable}},
      {"prctl_name", {PrctlName}},
      {"prctl_bounding_set", {PrctlBoundingSet}},
      {"prctl_no_new_privs", {PrctlNoNewPrivs}},
      {"prctl_huge_pages", {PrctlHugePages}},
      {"prctl_mapping_name", {PrctlMappingName}},
      {"sleep_across_stop", {SleepAcrossStop, MakeAlarmClock}},
      {"wait_for_signals", {WaitForSignals}},
      {"queue_signals", {QueueSignals}},
      {"short_sleep", {ShortSleep}},
      {"read_clocks", {ReadClocks}},
      {"posix_timers", {PosixTimers}},
      {"timer_descriptors", {TimerDescriptors}},
  };
}

}  // namespace warren::testing
