#include "runtime/sudo/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/unique_fd.h"
#include "runtime/sudo/execute.h"
#include "runtime/sudo/request.h"

namespace warren::sudo {
namespace {

struct Received {
  Request request;
  UniqueFd fds[kRequestFds];
};

// The header, with the descriptors that come with its first byte.
bool ReceiveHeader(int connection, char* header, Received& received) {
  alignas(cmsghdr) char control[CMSG_SPACE(kRequestFds * sizeof(int))] = {};
  iovec part = {header, kRequestHeaderBytes};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t size;
  do {
    size = ::recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  size_t count = 0;
  for (cmsghdr* part_of = CMSG_FIRSTHDR(&message); part_of != nullptr;
       part_of = CMSG_NXTHDR(&message, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
    for (size_t i = 0; i < (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd;
      ::memcpy(&fd, CMSG_DATA(part_of) + i * sizeof(int), sizeof(int));
      UniqueFd owned(fd);
      if (count < kRequestFds) received.fds[count] = std::move(owned);
      ++count;
    }
  }
  return size == static_cast<ssize_t>(kRequestHeaderBytes) && count == kRequestFds &&
         (message.msg_flags & MSG_CTRUNC) == 0;
}

bool ReceiveRequest(int connection, Received& received) {
  std::string bytes(kRequestHeaderBytes, '\0');
  if (!ReceiveHeader(connection, bytes.data(), received)) return false;
  const std::optional<size_t> size = RequestBytes(bytes);
  if (!size) return false;
  size_t filled = bytes.size();
  bytes.resize(*size);
  while (filled < bytes.size()) {
    const ssize_t more = ::recv(connection, bytes.data() + filled, bytes.size() - filled, 0);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return false;
    filled += static_cast<size_t>(more);
  }
  std::optional<Request> request = DecodeRequest(bytes);
  if (!request) return false;
  received.request = *std::move(request);
  return true;
}

// From the same sandbox: another's process has no pid here.
bool IsOfThisSandbox(int connection) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0;
}

// In the child. Returns the exit code where it cannot.
int BecomeCommand(const Received& received) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  int moved[kRequestFds];
  for (size_t i = 0; i < kRequestFds; ++i) {
    moved[i] = ::fcntl(received.fds[i].get(), F_DUPFD_CLOEXEC, 64);
    if (moved[i] < 0) return 1;
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(moved[i], i) < 0) return 1;
  }
  if (received.request.terminals != 0) {
    // A terminal of its own, so that job control and Ctrl-C are its kernel's business.
    ::setsid();
    for (int i = 0; i < 3; ++i) {
      if ((received.request.terminals >> i & 1) != 0 && ::ioctl(i, TIOCSCTTY, 0) == 0) break;
    }
  } else {
    ::setpgid(0, 0);
  }
  if (received.request.directory.empty() && ::fchdir(moved[kDirectoryFd]) != 0) {
    Complain(std::string("cannot enter the directory that it was called in: ") + ::strerror(errno));
    return 1;
  }
  if (::syscall(SYS_close_range, 3, ~0U, 0) != 0) return 1;
  return Execute(received.request);
}

class Session {
 public:
  Session(int connection, pid_t command, int children)
      : connection_(connection), command_(command), children_(children) {}

  // Until the command has ended; its status as wait(2) has it, or -1 where the client went before.
  int Run() {
    while (true) {
      pollfd waits[] = {{connection_, POLLIN, 0}, {children_, POLLIN, 0}};
      if (::poll(waits, 2, -1) < 0) continue;
      // First: a command that has ended is not killed.
      if (waits[1].revents != 0) {
        int status = 0;
        if (Reap(status)) return status;
      }
      if (waits[0].revents != 0 && !PassSignals()) return -1;
    }
  }

 private:
  bool Reap(int& status) {
    signalfd_siginfo ignored;
    while (::read(children_, &ignored, sizeof(ignored)) > 0) {
    }
    while (true) {
      int current = 0;
      // Whatever it left behind too: this process is who such are given to.
      const pid_t pid = ::waitpid(-1, &current, WNOHANG | WUNTRACED);
      if (pid <= 0) return false;
      if (pid != command_) continue;
      if (WIFSTOPPED(current)) {
        Tell(connection_, {ReplyKind::kStopped, WSTOPSIG(current)});
        continue;
      }
      status = current;
      return true;
    }
  }

  bool PassSignals() {
    unsigned char numbers[64];
    const ssize_t size = ::recv(connection_, numbers, sizeof(numbers), MSG_DONTWAIT);
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    if (size == 0) return false;
    for (ssize_t i = 0; i < size; ++i) {
      const int signal = numbers[i];
      if (signal < 1 || signal >= NSIG) return false;
      // Those that a terminal sends go to all that the command is.
      const bool to_group = signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP ||
                            signal == SIGCONT || signal == SIGWINCH;
      ::kill(to_group ? -command_ : command_, signal);
    }
    return true;
  }

 public:
  static void Tell(int connection, const Reply& reply) {
    const ssize_t ignored = ::send(connection, &reply, sizeof(reply), MSG_NOSIGNAL);
    (void)ignored;
  }

 private:
  int connection_;
  pid_t command_;
  int children_;
};

int WatchChildren() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return -1;
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

}  // namespace

int Serve(int connection) {
  ::signal(SIGPIPE, SIG_IGN);
  const int children = WatchChildren();
  if (children < 0 || !IsOfThisSandbox(connection)) return 1;
  pid_t command;
  {
    // Closed here when the command has them: its streams end with it.
    Received received;
    if (!ReceiveRequest(connection, received)) return 1;
    command = ::fork();
    if (command == 0) ::_exit(BecomeCommand(received));
  }
  if (command < 0) {
    const std::string why = std::string("no process can be made: ") + ::strerror(errno);
    Session::Tell(connection, {ReplyKind::kRefused, 0});
    ::send(connection, why.data(), why.size(), MSG_NOSIGNAL);
    return 1;
  }
  const int status = Session(connection, command, children).Run();
  if (status < 0) return 1;
  Session::Tell(connection, {ReplyKind::kExited, status});
  ::shutdown(connection, SHUT_RDWR);
  while (::wait(nullptr) > 0 || errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace warren::sudo
