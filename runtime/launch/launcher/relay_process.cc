#include "runtime/launch/launcher/relay_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/base/user_ids.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/linux/process.h"

namespace warren {
namespace {

// A policy of many rules is one message, and many messages wait while a relay starts. The kernel
// caps it silently at its own maximum.
constexpr int kSocketBufferBytes = 1 << 20;

struct RelayFds {
  int null;
  int control;
  int program;
  const int* procs;
  size_t procs_count;
  int go;
  int go_write;
};

// Runs in the clone, between clone and exec: system calls only.
[[noreturn]] void BecomeRelay(const RelayFds& fds) {
  // So that it reads the end of the pipe where the launcher gives it up.
  ::close(fds.go_write);
  char go;
  if (::read(fds.go, &go, 1) != 1) ::_exit(126);
  for (size_t i = 0; i < fds.procs_count; ++i) {
    if (::write(fds.procs[i], "0", 1) != 1) ::_exit(125);
  }
  // Takes the group that it is made in for its root.
  if (::unshare(CLONE_NEWCGROUP) != 0) ::_exit(124);
  // Above what is dup'ed onto.
  const int control = ::fcntl(fds.control, F_DUPFD, 16);
  const int program = ::fcntl(fds.program, F_DUPFD, 16);
  if (control < 0 || program < 0) ::_exit(123);
  if (::dup2(fds.null, STDIN_FILENO) < 0 || ::dup2(fds.null, STDOUT_FILENO) < 0 ||
      ::dup2(control, kControlFd) < 0 || ::dup3(program, kControlFd + 1, O_CLOEXEC) < 0 ||
      ::syscall(SYS_close_range, kControlFd + 2, ~0U, 0) != 0) {
    ::_exit(123);
  }
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, 0, 0, 0) != 0 ||
      ::syscall(SYS_setresuid, 0, 0, 0) != 0) {
    ::_exit(121);
  }
  ::setsid();
  // After the change of identity, which clears it; the relay's own does so again. Where the
  // launcher is gone by now, the relay reads the end of its socket.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) ::_exit(120);
  const char* argv[] = {"warren-relay", nullptr};
  const char* envp[] = {nullptr};
  // By its descriptor: nobody on the host, it might not reach the program by its path.
  ::syscall(SYS_execveat, kControlFd + 1, "", argv, envp, AT_EMPTY_PATH);
  ::_exit(119);
}

// In no network namespace but the launcher's own.
absl::StatusOr<long> Clone(int* pidfd) {
  clone_args args = {};
  args.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
               CLONE_NEWIPC | CLONE_NEWUTS;
  args.exit_signal = SIGCHLD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  const long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return Errno("clone3 for the relay");
  return pid;
}

absl::Status RaiseBuffer(int socket) {
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(int)) == 0)
    return absl::OkStatus();
  return Errno("raise the buffer of the relay's socket");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RelayProcess>> RelayProcess::Start(LaunchResources& resources,
                                                                  const RelaySource& source,
                                                                  uint64_t id) {
  // A sandbox's id has no hyphen. What waits in the relay's sockets is charged here.
  WARREN_ASSIGN_OR_RETURN(Cgroup cgroup, resources.cgroups.Add(absl::StrCat("relay-", id), {}));
  // From here on the destructor cleans up.
  std::unique_ptr<RelayProcess> relay(new RelayProcess(std::move(cgroup)));
  WARREN_RETURN_IF_ERROR(relay->Run(resources, source));
  return relay;
}

absl::Status RelayProcess::Run(const LaunchResources& resources, const RelaySource& source) {
  WARREN_ASSIGN_OR_RETURN(std::vector<UniqueFd> procs, cgroup_.OpenProcs());
  WARREN_ASSIGN_OR_RETURN(SocketPair control, MakeSeqpacketPair());
  WARREN_ASSIGN_OR_RETURN(Pipe go, MakePipe());
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return Errno("open /dev/null");
  WARREN_RETURN_IF_ERROR(RaiseBuffer(control.first.get()));
  std::vector<int> procs_fds;
  procs_fds.reserve(procs.size());
  for (const UniqueFd& fd : procs) procs_fds.push_back(fd.get());
  int pidfd = -1;
  WARREN_ASSIGN_OR_RETURN(const long pid, Clone(&pidfd));
  if (pid == 0) {
    BecomeRelay({null.get(), control.second.get(), source.program.get(), procs_fds.data(),
                 procs_fds.size(), go.read_end.get(), go.write_end.get()});
  }
  pidfd_.reset(pidfd);
  control_ = std::move(control.first);
  const std::string line = absl::StrCat("0 ", source.first_id, " ", kIdsPerSlot, "\n");
  for (const char* file : {"uid_map", "gid_map"}) {
    WARREN_RETURN_IF_ERROR(
        WriteControlFile(AT_FDCWD, absl::StrCat("/proc/", pid, "/", file), line));
  }
  WARREN_RETURN_IF_ERROR(SendSetup(resources, source));
  if (::write(go.write_end.get(), "g", 1) != 1) return Errno("start the relay");
  return absl::OkStatus();
}

absl::Status RelayProcess::SendSetup(const LaunchResources& resources, const RelaySource& source) {
  WARREN_ASSIGN_OR_RETURN(SocketPair supervisor, MakeSeqpacketPair());
  for (const UniqueFd* end : {&supervisor.first, &supervisor.second}) {
    WARREN_RETURN_IF_ERROR(RaiseBuffer(end->get()));
    WARREN_RETURN_IF_ERROR(SetNonBlocking(end->get()));
  }
  const LoadedProfile& profile = resources.profiles.relay();
  internal::RelayOrder order;
  internal::RelaySetup& setup = *order.mutable_setup();
  *setup.mutable_egress() = source.egress;
  setup.set_pace(resources.facts.pace());
  setup.set_layers_off(resources.layers_off);
  setup.set_profile(std::string(AsBytes(profile.process)));
  const int fds[] = {supervisor.second.get(), profile.policy.get()};
  WARREN_RETURN_IF_ERROR(Send(order, fds));
  supervisor_end_ = std::move(supervisor.first);
  return absl::OkStatus();
}

absl::Status RelayProcess::Send(const internal::RelayOrder& order, std::span<const int> fds) {
  return SendMessage(control_.get(), order.SerializeAsString(), fds, WhenFull::kFail);
}

absl::Status RelayProcess::Attach(const std::string& sandbox_id, std::span<const int> sockets) {
  internal::RelayOrder order;
  order.mutable_attach()->set_sandbox_id(sandbox_id);
  return Send(order, sockets);
}

absl::Status RelayProcess::Detach(const std::string& sandbox_id) {
  internal::RelayOrder order;
  order.mutable_detach()->set_sandbox_id(sandbox_id);
  return Send(order, {});
}

void RelayProcess::Kill() {
  if (pidfd_.valid()) SignalProcess(pidfd_.get(), SIGKILL).IgnoreError();
}

std::string RelayProcess::End() {
  if (!pidfd_.valid()) return "it never was";
  Kill();
  siginfo_t info = {};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0) {
    if (errno != EINTR) return "nobody knows how";
  }
  pidfd_.reset();
  return info.si_code == CLD_EXITED ? absl::StrCat("exited with status ", info.si_status)
                                    : absl::StrCat("killed by signal ", info.si_status);
}

RelayProcess::~RelayProcess() {
  End();
  // What is not empty now the janitor removes.
  cgroup_.Remove().IgnoreError();
}

}  // namespace warren
