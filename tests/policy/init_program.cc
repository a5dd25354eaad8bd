#include "tests/policy/init_program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/launch/child/setup.h"
#include "runtime/linux/memfd.h"
#include "tests/policy/workloads.h"

namespace warren::testing {
namespace {

struct InitProgram {
  pid_t pid = -1;
  UniqueFd control;
  // Init says on it that its namespaces are ready, just before it confines itself.
  UniqueFd ready;
};

[[noreturn]] void ExecInit(int control, int parent) {
  DieWith(parent);
  // dup2 onto itself would keep close-on-exec.
  if (control != kControlFd && ::dup2(control, kControlFd) < 0) ::_exit(126);
  ::fcntl(kControlFd, F_SETFD, 0);
  const char* argv[] = {"warren-init", nullptr};
  const char* envp[] = {nullptr};
  ::execve(WARREN_PREFIX "/bin/warren-init", const_cast<char**>(argv), const_cast<char**>(envp));
  ::_exit(127);
}

// As the anchor and the launcher start it, with nothing to mount.
bool StartInit(const CompiledPolicy& policy, InitProgram& init) {
  auto sockets = MakeSeqpacketPair();
  auto ready = MakePipe();
  auto memfd = SealedMemfd("warren-policy", SerializePolicy(policy));
  if (!Step(sockets.ok() && ready.ok() && memfd.ok(), "descriptors")) return false;
  // The next child is pid 1 of a new one.
  if (!Step(::unshare(CLONE_NEWPID) == 0, "unshare pids")) return false;
  init.pid = ::fork();
  // The parent is not in the child's pid namespace: getppid() is 0 there.
  if (init.pid == 0) ExecInit(sockets->second.get(), 0);
  if (!Step(init.pid > 0, "fork")) return false;
  auto setup = std::make_unique<InitSetup>();
  setup->mode = SetupMode::kSandbox;
  std::strcpy(setup->hostname, "init-program");
  // What of its profile the filter needs.
  setup->profile.flags = kProfileNoNewPrivileges;
  const int fds[] = {memfd->get(), ready->write_end.get()};
  init.control = std::move(sockets->first);
  init.ready = std::move(ready->read_end);
  absl::string_view bytes(reinterpret_cast<const char*>(setup.get()), sizeof(*setup));
  return Step(SendMessage(init.control.get(), bytes, fds).ok(), "send the set-up");
}

bool IsReady(const InitProgram& init) {
  char byte = 0;
  return Step(::read(init.ready.get(), &byte, 1) == 1, "its namespaces are ready");
}

bool Reports(const InitProgram& init) {
  auto message = ReceiveMessage(init.control.get(), sizeof(SetupResult));
  SetupResult result;
  if (!Step(message.ok() && message->data.size() == sizeof(result), "its report")) return false;
  std::memcpy(&result, message->data.data(), sizeof(result));
  return Step(result.ok(), SetupStageName(result.stage));
}

// The letter of its state; 'X' when there is no such process.
char StateOf(pid_t pid) {
  auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  size_t name_end = stat.ok() ? stat->rfind(") ") : std::string::npos;
  return name_end == std::string::npos ? 'X' : (*stat)[name_end + 2];
}

// False when it ends instead.
bool Reaches(const InitProgram& init, ProcessState wanted, const char* what) {
  char state = StateOf(init.pid);
  // RunApart ends what waits for ever.
  while (state != static_cast<char>(wanted) && state != 'Z' && state != 'X') {
    ::usleep(1'000);
    state = StateOf(init.pid);
  }
  return Step(state == static_cast<char>(wanted), what);
}

// What a supervisor's signals and a debugger do to it: the wait goes on.
bool WaitsAcrossStop(const InitProgram& init) {
  return Reaches(init, ProcessState::kAsleep, "it waits") && SignalChild(init.pid, SIGSTOP) &&
         Reaches(init, ProcessState::kStopped, "it stops") && SignalChild(init.pid, SIGCONT) &&
         Reaches(init, ProcessState::kAsleep, "it waits on");
}

// With the socket half closed no wait of init's can hide that a report is missing.
bool ReportsAndEnds(const CompiledPolicy& policy) {
  InitProgram init;
  return StartInit(policy, init) && IsReady(init) &&
         Step(::shutdown(init.control.get(), SHUT_WR) == 0, "shutdown") && Reports(init) &&
         Step(ExitedWell(init.pid), "its exit");
}

bool ServesUntilItsSocketCloses(const CompiledPolicy& policy) {
  InitProgram init;
  if (!StartInit(policy, init) || !IsReady(init) || !Reports(init) || !WaitsAcrossStop(init)) {
    return false;
  }
  init.control.reset();
  return Step(ExitedWell(init.pid), "its exit");
}

// Each in a child of its own: unshare(CLONE_NEWPID) works once.
bool InChild(bool (*body)(const CompiledPolicy&), const CompiledPolicy& policy) {
  pid_t self = ::getpid();
  pid_t pid = ::fork();
  if (pid == 0) {
    DieWith(self);
    ::_exit(body(policy) ? 0 : 1);
  }
  return ExitedWell(pid);
}

}  // namespace

bool RunInitProgram(const CompiledPolicy& policy) {
  return InChild(ReportsAndEnds, policy) && InChild(ServesUntilItsSocketCloses, policy);
}

}  // namespace warren::testing
