#include "runtime/launch/launcher/service_process.h"

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

#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/process.h"

namespace warren {
namespace {

// A policy of many rules is one message, and many messages wait while a relay starts. The kernel
// caps it silently at its own maximum.
constexpr int kSocketBufferBytes = 1 << 20;

struct ServiceStart {
  const char* name;
  int null;
  int control;
  int program;
  const int* procs;
  size_t procs_count;
  int go;
  int go_write;
};

// Runs in the clone, between clone and exec: system calls only.
[[noreturn]] void BecomeService(const ServiceStart& start) {
  // So that it reads the end of the pipe where the launcher gives it up.
  ::close(start.go_write);
  char go;
  if (::read(start.go, &go, 1) != 1) ::_exit(126);
  for (size_t i = 0; i < start.procs_count; ++i) {
    if (::write(start.procs[i], "0", 1) != 1) ::_exit(125);
  }
  // Takes the group that it is made in for its root.
  if (::unshare(CLONE_NEWCGROUP) != 0) ::_exit(124);
  // Above what is dup'ed onto.
  const int control = ::fcntl(start.control, F_DUPFD, 16);
  const int program = ::fcntl(start.program, F_DUPFD, 16);
  if (control < 0 || program < 0) ::_exit(123);
  if (::dup2(start.null, STDIN_FILENO) < 0 || ::dup2(start.null, STDOUT_FILENO) < 0 ||
      ::dup2(control, kControlFd) < 0 || ::dup3(program, kControlFd + 1, O_CLOEXEC) < 0 ||
      ::syscall(SYS_close_range, kControlFd + 2, ~0U, 0) != 0) {
    ::_exit(123);
  }
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, 0, 0, 0) != 0 ||
      ::syscall(SYS_setresuid, 0, 0, 0) != 0) {
    ::_exit(121);
  }
  ::setsid();
  // After the change of identity, which clears it; the service's own does so again. Where the
  // launcher is gone by now, the service reads the end of its socket.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) ::_exit(120);
  const char* argv[] = {start.name, nullptr};
  const char* envp[] = {nullptr};
  // By its descriptor: nobody on the host, it might not reach the program by its path.
  ::syscall(SYS_execveat, kControlFd + 1, "", argv, envp, AT_EMPTY_PATH);
  ::_exit(119);
}

absl::StatusOr<long> Clone(const ServiceSource& source, int* pidfd) {
  clone_args args = {};
  args.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
               CLONE_NEWIPC | CLONE_NEWUTS;
  if (source.network == ServiceNetwork::kNone) args.flags |= CLONE_NEWNET;
  args.exit_signal = SIGCHLD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  const long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return Errno(absl::StrCat("clone3 for the ", source.name));
  return pid;
}

absl::Status RaiseBuffer(int socket) {
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(int)) == 0)
    return absl::OkStatus();
  return Errno("raise the buffer of a service's socket");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServiceProcess>> ServiceProcess::Start(LaunchResources& resources,
                                                                      const ServiceSource& source,
                                                                      uint64_t id) {
  // A sandbox's id has no hyphen. What waits in the service's sockets is charged here.
  WARREN_ASSIGN_OR_RETURN(Cgroup cgroup,
                          resources.cgroups.Add(absl::StrCat(source.name, "-", id), {}));
  // From here on the destructor cleans up.
  std::unique_ptr<ServiceProcess> service(new ServiceProcess(std::move(cgroup)));
  WARREN_RETURN_IF_ERROR(service->Run(source));
  return service;
}

absl::Status ServiceProcess::Run(const ServiceSource& source) {
  WARREN_ASSIGN_OR_RETURN(std::vector<UniqueFd> procs, cgroup_.OpenProcs());
  WARREN_ASSIGN_OR_RETURN(SocketPair control, MakeSeqpacketPair());
  WARREN_ASSIGN_OR_RETURN(Pipe go, MakePipe());
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return Errno("open /dev/null");
  WARREN_RETURN_IF_ERROR(RaiseBuffer(control.first.get()));
  std::vector<int> procs_fds;
  procs_fds.reserve(procs.size());
  for (const UniqueFd& fd : procs) procs_fds.push_back(fd.get());
  const std::string name = absl::StrCat("warren-", source.name);
  int pidfd = -1;
  WARREN_ASSIGN_OR_RETURN(const long pid, Clone(source, &pidfd));
  if (pid == 0) {
    BecomeService({name.c_str(), null.get(), control.second.get(), source.program.get(),
                   procs_fds.data(), procs_fds.size(), go.read_end.get(), go.write_end.get()});
  }
  pidfd_.reset(pidfd);
  control_ = std::move(control.first);
  const std::string line = absl::StrCat("0 ", source.first_id, " ", source.id_count, "\n");
  for (const char* file : {"uid_map", "gid_map"}) {
    WARREN_RETURN_IF_ERROR(
        WriteControlFile(AT_FDCWD, absl::StrCat("/proc/", pid, "/", file), line));
  }
  if (::write(go.write_end.get(), "g", 1) != 1) return Errno(absl::StrCat("start ", name));
  return absl::OkStatus();
}

absl::Status ServiceProcess::SetUp(const google::protobuf::MessageLite& order, int policy,
                                   std::span<const int> fds) {
  WARREN_ASSIGN_OR_RETURN(SocketPair supervisor, MakeSeqpacketPair());
  for (const UniqueFd* end : {&supervisor.first, &supervisor.second}) {
    WARREN_RETURN_IF_ERROR(RaiseBuffer(end->get()));
    WARREN_RETURN_IF_ERROR(SetNonBlocking(end->get()));
  }
  std::vector<int> sent = {supervisor.second.get(), policy};
  sent.insert(sent.end(), fds.begin(), fds.end());
  WARREN_RETURN_IF_ERROR(Send(order, sent));
  supervisor_end_ = std::move(supervisor.first);
  return absl::OkStatus();
}

absl::Status ServiceProcess::Send(const google::protobuf::MessageLite& order,
                                  std::span<const int> fds) {
  return SendMessage(control_.get(), order.SerializeAsString(), fds, WhenFull::kFail);
}

void ServiceProcess::Kill() {
  if (pidfd_.valid()) SignalProcess(pidfd_.get(), SIGKILL).IgnoreError();
}

std::string ServiceProcess::End() {
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

ServiceProcess::~ServiceProcess() {
  End();
  // What is not empty now the janitor removes.
  cgroup_.Remove().IgnoreError();
}

}  // namespace warren
