#include "runtime/launch/init/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/init/helper.h"
#include "runtime/launch/init/messages.h"

extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace warren::child {
namespace {

constexpr size_t kMaxLowers = 9;
constexpr size_t kMaxCgroupFds = 8;
// And an agent's program.
constexpr size_t kMaxRequestFds = kMaxCgroupFds + 1;

struct CloneContext {
  CloneRequest request;
  int cgroup_fds[kMaxCgroupFds];
  size_t cgroup_fd_count;
  int executable;
  int init_socket;
  // The child waits here until its id maps are written.
  int go_read;
  // The anchor's own end of that.
  int go_write;
};

// A root of our own with nothing of the host in it but a fresh /proc. The kernel lets a sandbox
// mount its own /proc only where an unmasked one is visible already, so it stays.
int BuildRoot() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return -1;
  if (::mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=64,mode=0755") !=
      0)
    return -1;
  if (::chdir("/tmp") != 0) return -1;
  for (const char* directory : {"proc", "layer", "newroot"}) {
    if (::mkdir(directory, 0755) != 0) return -1;
  }
  for (size_t i = 0; i < kMaxLowers; ++i) {
    char name[] = {'l', 'o', 'w', 'e', 'r', static_cast<char>('0' + i), '\0'};
    if (::mkdir(name, 0755) != 0) return -1;
  }
  // Before the pivot: the host's /proc must still be visible.
  if (::mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) return -1;
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  if (::umount2(".", 2 /* MNT_DETACH */) != 0) return -1;
  return ::chdir("/");
}

int WriteIdMap(pid_t pid, const char* file, const CloneRequest& request) {
  char path[48];
  char line[64];
  ::snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
  int length = ::snprintf(line, sizeof(line), "0 %u %u\n", request.first_id, request.id_count);
  int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = ::write(fd, line, static_cast<size_t>(length));
  int error = errno;
  ::close(fd);
  errno = error;
  return written == length ? 0 : -1;
}

// Runs in the clone: never returns.
[[noreturn]] void BecomeProgram(const CloneContext& context) {
  // So that it reads the end of the pipe where the anchor gives it up.
  ::close(context.go_write);
  char go;
  if (::read(context.go_read, &go, 1) != 1) ::_exit(126);
  // The launcher ignores some, which every program below would inherit; the anchor takes its own
  // from a descriptor.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // First of all: what it allocates from here on is charged to its own group.
  if (!EnterCgroups(context.cgroup_fds, context.cgroup_fd_count).ok()) ::_exit(125);
  // Root of the new user namespace from here on.
  if (context.request.kind == CloneKind::kSandbox && !DropIdentity(0, 0).ok()) ::_exit(123);
  if (::dup2(context.init_socket, kControlFd) < 0) ::_exit(122);
  // dup2 onto itself would keep close-on-exec.
  ::fcntl(kControlFd, F_SETFD, 0);
  if (context.request.kind == CloneKind::kHelper) {
    // No exec closes what it has of the anchor's, the other end of its own socket among it.
    if (::syscall(SYS_close_range, kControlFd + 1, ~0U, 0) != 0) ::_exit(124);
    ::_exit(RunHelper(kControlFd));
  }
  const bool agent = context.request.kind == CloneKind::kAgent;
  const char* argv[] = {agent ? "warren-agent" : "warren-init", nullptr};
  const char* envp[] = {nullptr};
  ::syscall(SYS_execveat, context.executable, "", argv, envp, AT_EMPTY_PATH);
  ::_exit(121);
}

CloneReply FailClone(const char* step) {
  CloneReply reply;
  reply.error = errno;
  ::strncpy(reply.step, step, sizeof(reply.step) - 1);
  return reply;
}

long CloneProcess(CloneKind kind, int* pidfd) {
  clone_args args = {};
  args.flags = CLONE_PIDFD;
  // Those that others must name before init is ready: the zygote forks into the pid namespace, the
  // launcher maps the template's owners by the user namespace. Init makes the rest itself,
  // meanwhile.
  if (kind == CloneKind::kSandbox) args.flags |= CLONE_NEWUSER | CLONE_NEWPID;
  args.exit_signal = SIGCHLD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  return ::syscall(SYS_clone3, &args, sizeof(args));
}

// Makes the process and tells it to go on once it may.
CloneReply StartClone(const CloneContext& context, int* pidfd, int32_t* child) {
  long pid = CloneProcess(context.request.kind, pidfd);
  if (pid < 0) return FailClone("clone3");
  if (pid == 0) BecomeProgram(context);
  *child = static_cast<int32_t>(pid);
  if (context.request.kind == CloneKind::kSandbox) {
    // On failure the clone reads EOF from its pipe and exits.
    if (WriteIdMap(static_cast<pid_t>(pid), "uid_map", context.request) != 0)
      return FailClone("uid_map");
    if (WriteIdMap(static_cast<pid_t>(pid), "gid_map", context.request) != 0)
      return FailClone("gid_map");
  }
  if (::write(context.go_write, "g", 1) != 1) return FailClone("go");
  return {};
}

void HandleClone(int control, int executable, const CloneRequest& request, const int* fds,
                 size_t fd_count) {
  CloneContext context = {};
  context.request = request;
  context.executable = executable;
  if (request.kind == CloneKind::kAgent && fd_count > 0) {
    context.executable = fds[0];
    ++fds;
    --fd_count;
  }
  context.cgroup_fd_count = fd_count < kMaxCgroupFds ? fd_count : kMaxCgroupFds;
  for (size_t i = 0; i < context.cgroup_fd_count; ++i) context.cgroup_fds[i] = fds[i];
  int pair[2] = {-1, -1};
  int go[2] = {-1, -1};
  int pidfd = -1;
  CloneReply reply;
  // Made here, in a network namespace with nothing in it: a socket keeps the namespace that it was
  // made in.
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    reply = FailClone("socketpair");
  } else if (::pipe2(go, O_CLOEXEC) != 0) {
    reply = FailClone("pipe2");
  } else {
    context.init_socket = pair[1];
    context.go_read = go[0];
    context.go_write = go[1];
    int32_t pid = 0;
    reply = StartClone(context, &pidfd, &pid);
    reply.pid = pid;
  }
  int passed[2] = {pidfd, pair[0]};
  SendWithFds(control, &reply, sizeof(reply), passed, reply.error == 0 ? 2 : 0);
  for (int fd : {pair[0], pair[1], go[0], go[1], pidfd}) {
    if (fd >= 0) ::close(fd);
  }
}

int WaitStatus(const siginfo_t& info) {
  switch (info.si_code) {
    case CLD_EXITED:
      return (info.si_status & 0xff) << 8;
    case CLD_STOPPED:
      return info.si_status << 8 | 0x7f;
    default:
      return info.si_status & 0x7f;
  }
}

enum class Reaped { kAll, kPipeIsFull };

// Reports what ended or was stopped, then lets go of it. Where the launcher does not keep up they
// wait as zombies.
Reaped Reap(int exits) {
  while (true) {
    siginfo_t info = {};
    int peeked = ::waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT);
    if (peeked != 0 || info.si_pid == 0) return Reaped::kAll;
    ExitReport report;
    report.pid = info.si_pid;
    report.wait_status = WaitStatus(info);
    // Small enough for the kernel to write whole. Any other error: the launcher is gone, and so is
    // the anchor soon.
    if (::write(exits, &report, sizeof(report)) < 0 && errno == EAGAIN) return Reaped::kPipeIsFull;
    int what = info.si_code == CLD_STOPPED ? WSTOPPED : WEXITED;
    ::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, what | WNOHANG);
  }
}

// The end that says when a child changed its state.
int WatchChildren() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return -1;
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void Drain(int signals) {
  signalfd_siginfo info;
  while (::read(signals, &info, sizeof(info)) > 0) {
  }
}

// One request. Negative to go on, else the anchor's exit code.
int ServeRequest(int control, int executable) {
  CloneRequest request;
  int fds[kMaxRequestFds];
  size_t fd_count = kMaxRequestFds;
  ssize_t size = ReceiveWithFds(control, &request, sizeof(request), fds, &fd_count);
  if (size == 0) return 0;
  if (size != sizeof(request) || request.magic != kSetupMagic || request.version != kSetupVersion)
    return 2;
  HandleClone(control, executable, request, fds, fd_count);
  for (size_t i = 0; i < fd_count; ++i) ::close(fds[i]);
  return -1;
}

int Serve(int control, int executable, int exits, int signals) {
  Reaped reaped = Reaped::kAll;
  while (true) {
    pollfd waits[] = {{control, POLLIN, 0},
                      {signals, POLLIN, 0},
                      {reaped == Reaped::kAll ? -1 : exits, POLLOUT, 0}};
    if (::poll(waits, 3, -1) < 0) continue;
    // Requests first: a caller waits for them.
    if (waits[0].revents != 0) {
      int code = ServeRequest(control, executable);
      if (code >= 0) return code;
    }
    if (waits[1].revents != 0) Drain(signals);
    if (waits[1].revents != 0 || waits[2].revents != 0) reaped = Reap(exits);
  }
}

}  // namespace

int RunAnchor(int control, int executable, int exits) {
  // They came over an exec; what it clones gets what BecomeProgram gives it.
  for (int fd : {control, executable, exits}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  int signals = WatchChildren();
  CloneReply ready;
  if (signals < 0) ready = FailClone("signals");
  if (ready.error == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    ready = FailClone("pdeathsig");
  if (ready.error == 0 && BuildRoot() != 0) ready = FailClone("root");
  if (!SendWithFds(control, &ready, sizeof(ready), nullptr, 0) || ready.error != 0) return 1;
  return Serve(control, executable, exits, signals);
}

}  // namespace warren::child
