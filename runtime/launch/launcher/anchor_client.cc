#include "runtime/launch/launcher/anchor_client.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/linux/memfd.h"
#include "runtime/linux/process.h"

namespace warren {
namespace {

struct AnchorFds {
  int null;
  int control;
  int executable;
  int exits;
  int go;
};

// Runs in the clone, between clone and exec: system calls only.
[[noreturn]] void BecomeAnchor(const AnchorFds& fds) {
  char go;
  if (::read(fds.go, &go, 1) != 1) ::_exit(126);
  // Above what is dup'ed onto.
  int control = ::fcntl(fds.control, F_DUPFD, 16);
  int executable = ::fcntl(fds.executable, F_DUPFD, 16);
  int exits = ::fcntl(fds.exits, F_DUPFD, 16);
  if (control < 0 || executable < 0 || exits < 0) ::_exit(125);
  for (int target = 0; target < 3; ++target) {
    if (::dup2(fds.null, target) < 0) ::_exit(125);
  }
  if (::dup2(control, 3) < 0 || ::dup2(executable, 4) < 0 || ::dup2(exits, 5) < 0) ::_exit(125);
  if (::syscall(SYS_close_range, 6, ~0U, 0) != 0) ::_exit(124);
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, 0, 0, 0) != 0 ||
      ::syscall(SYS_setresuid, 0, 0, 0) != 0) {
    ::_exit(123);
  }
  ::setsid();
  const char* argv[] = {"warren-anchor", "--anchor", nullptr};
  const char* envp[] = {nullptr};
  ::syscall(SYS_execveat, 4, "", argv, envp, AT_EMPTY_PATH);
  ::_exit(121);
}

absl::Status WriteMaps(pid_t pid, const IdZones& ids) {
  std::string line = absl::StrCat("0 ", ids.first_id(), " ", ids.id_count(), "\n");
  for (const char* file : {"uid_map", "gid_map"}) {
    WARREN_RETURN_IF_ERROR(
        WriteControlFile(AT_FDCWD, absl::StrCat("/proc/", pid, "/", file), line));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AnchorClient> AnchorClient::Start(const std::string& init_program,
                                                 const IdZones& ids, uint32_t layers_off) {
  WARREN_ASSIGN_OR_RETURN(std::string program, ReadFile(init_program));
  WARREN_ASSIGN_OR_RETURN(UniqueFd executable, SealedMemfd("warren-init", program));
  WARREN_ASSIGN_OR_RETURN(SocketPair control, MakeSeqpacketPair());
  WARREN_ASSIGN_OR_RETURN(Pipe go, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe exits, MakePipe());
  // Neither end may wait for the other: the anchor answers requests, the launcher sends them.
  WARREN_RETURN_IF_ERROR(SetNonBlocking(exits.read_end.get()));
  WARREN_RETURN_IF_ERROR(SetNonBlocking(exits.write_end.get()));
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return Errno("open /dev/null");

  int pidfd = -1;
  clone_args args = {};
  args.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
               CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (LayerIsOff(layers_off, TestLayer::kNetNamespace)) args.flags &= ~CLONE_NEWNET;
  if (LayerIsOff(layers_off, TestLayer::kIpcNamespace)) args.flags &= ~CLONE_NEWIPC;
  if (LayerIsOff(layers_off, TestLayer::kUtsNamespace)) args.flags &= ~CLONE_NEWUTS;
  args.exit_signal = SIGCHLD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        Errno("clone3 with new namespaces").message(),
        ": user namespaces must be allowed here (`warren doctor` says what is missing)"));
  }
  if (pid == 0)
    BecomeAnchor({null.get(), control.second.get(), executable.get(), exits.write_end.get(),
                  go.read_end.get()});

  AnchorClient client;
  client.pidfd_.reset(pidfd);
  client.control_ = std::move(control.first);
  client.exits_ = std::move(exits.read_end);
  // So that the launcher reads EOF when the anchor dies.
  control.second.reset();
  absl::Status status = WriteMaps(static_cast<pid_t>(pid), ids);
  if (status.ok() && ::write(go.write_end.get(), "g", 1) != 1) status = Errno("start the anchor");
  if (status.ok()) status = client.WaitUntilReady();
  if (!status.ok()) {
    client.Stop();
    return status;
  }
  return client;
}

absl::Status AnchorClient::WaitUntilReady() {
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(control_.get(), sizeof(CloneReply)));
  CloneReply ready;
  if (message.data.size() != sizeof(ready))
    return absl::InternalError("the anchor died before it was ready");
  std::memcpy(&ready, message.data.data(), sizeof(ready));
  if (ready.error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(ready.error, absl::StrCat("set up the anchor: ", ready.step));
}

absl::StatusOr<ClonedProcess> AnchorClient::CloneZygote(const std::vector<UniqueFd>& cgroup_procs) {
  CloneRequest request;
  request.kind = CloneKind::kZygote;
  return Clone(request, -1, cgroup_procs);
}

absl::StatusOr<ClonedProcess> AnchorClient::CloneSandbox(
    uint32_t slot, const std::vector<UniqueFd>& cgroup_procs) {
  CloneRequest request;
  request.kind = CloneKind::kSandbox;
  request.first_id = slot * kIdsPerSlot;
  request.id_count = kIdsPerSlot;
  return Clone(request, -1, cgroup_procs);
}

absl::StatusOr<ClonedProcess> AnchorClient::CloneAgent(int program,
                                                       const std::vector<UniqueFd>& cgroup_procs) {
  CloneRequest request;
  request.kind = CloneKind::kAgent;
  return Clone(request, program, cgroup_procs);
}

absl::StatusOr<ClonedProcess> AnchorClient::CloneHelper() {
  CloneRequest request;
  request.kind = CloneKind::kHelper;
  return Clone(request, -1, {});
}

absl::StatusOr<UniqueFd> AnchorClient::OpenNetworkNamespace() const {
  WARREN_ASSIGN_OR_RETURN(const pid_t pid, PidOf(pidfd_.get()));
  const std::string path = absl::StrCat("/proc/", pid, "/ns/net");
  UniqueFd name_space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!name_space.valid()) return Errno(absl::StrCat("open ", path));
  return name_space;
}

absl::StatusOr<ClonedProcess> AnchorClient::Clone(const CloneRequest& request, int program,
                                                  const std::vector<UniqueFd>& cgroup_procs) {
  std::vector<int> fds;
  fds.reserve(cgroup_procs.size() + 1);
  if (program >= 0) fds.push_back(program);
  for (const UniqueFd& fd : cgroup_procs) fds.push_back(fd.get());
  absl::string_view data(reinterpret_cast<const char*>(&request), sizeof(request));
  WARREN_RETURN_IF_ERROR(SendMessage(control_.get(), data, fds));
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(control_.get(), sizeof(CloneReply)));
  CloneReply reply;
  if (message.data.size() != sizeof(reply)) return absl::InternalError("the anchor is gone");
  std::memcpy(&reply, message.data.data(), sizeof(reply));
  if (reply.error != 0) {
    reply.step[sizeof(reply.step) - 1] = '\0';
    return absl::ErrnoToStatus(reply.error, absl::StrCat("make a process: ", reply.step));
  }
  if (message.fds.size() != 2)
    return absl::InternalError("the anchor's reply lacks its descriptors");
  return ClonedProcess{std::move(message.fds[0]), std::move(message.fds[1]), reply.pid};
}

std::vector<ExitReport> AnchorClient::TakeExits() {
  std::vector<ExitReport> taken;
  ExitReport reports[64];
  while (true) {
    ssize_t size = ::read(exits_.get(), reports, sizeof(reports));
    if (size < 0 && errno == EINTR) continue;
    // Each was written whole, and so is what a read gives.
    if (size <= 0) return taken;
    taken.insert(taken.end(), reports, reports + static_cast<size_t>(size) / sizeof(ExitReport));
  }
}

void AnchorClient::Stop() {
  if (!pidfd_.valid()) return;
  SignalProcess(pidfd_.get(), SIGKILL).IgnoreError();
  // Returns when the kernel has ended all of its pid namespace.
  siginfo_t info;
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
  pidfd_.reset();
  control_.reset();
}

}  // namespace warren
