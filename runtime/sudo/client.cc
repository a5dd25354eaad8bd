#include "runtime/sudo/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/base/sudo_paths.h"
#include "runtime/base/unique_fd.h"
#include "runtime/sudo/execute.h"
#include "runtime/sudo/terminal.h"

namespace warren::sudo {
namespace {

// Docs/TIMING.md. Between looks for an agent: longer each time; between rings; until it gives up.
constexpr int kFirstLookMs = 2;
constexpr int kLongestLookMs = 50;
constexpr int kRingMs = 500;
constexpr int kAnswerMs = 120'000;

constexpr int kPassedOn[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,  SIGUSR1,
                             SIGUSR2, SIGTSTP, SIGCONT, SIGWINCH};
constexpr char kNotGranted[] =
    "this sandbox grants no root: the recipe of its template does not list the profile \"root\"";

// Whether it can be waited for.
bool IsAbsent(int error) { return error == ENOENT || error == ECONNREFUSED; }

UniqueFd TryConnect() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return UniqueFd();
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  ::strncpy(address.sun_path, kSudoSocket, sizeof(address.sun_path) - 1);
  int result;
  do {
    result = ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? std::move(socket) : UniqueFd();
}

// False where nobody will hear it.
bool Ring() {
  UniqueFd bell(::open(kSudoBell, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!bell.valid()) return false;
  // A full one rings already.
  return ::write(bell.get(), "!", 1) == 1 || errno == EAGAIN;
}

UniqueFd Connect() {
  int look_ms = kFirstLookMs;
  int until_ring = 0;
  for (int waited = 0; waited < kAnswerMs; waited += look_ms) {
    UniqueFd socket = TryConnect();
    if (socket.valid()) return socket;
    if (!IsAbsent(errno)) {
      Complain(std::string("cannot reach the sandbox's agent: ") + ::strerror(errno));
      return socket;
    }
    if (until_ring <= 0) {
      if (!Ring()) {
        Complain(errno == ENOENT ? kNotGranted
                                 : std::string("cannot ask for an agent: ") + ::strerror(errno));
        return UniqueFd();
      }
      until_ring = kRingMs;
    }
    until_ring -= look_ms;
    const timespec pause = {0, look_ms * 1'000'000L};
    ::nanosleep(&pause, nullptr);
    look_ms = std::min(look_ms * 2, kLongestLookMs);
  }
  Complain("no agent of the sandbox answers; try again");
  return UniqueFd();
}

bool SendRequest(int socket, const std::string& bytes, const int* fds) {
  alignas(cmsghdr) char control[CMSG_SPACE(kRequestFds * sizeof(int))] = {};
  iovec part = {const_cast<char*>(bytes.data()), kRequestHeaderBytes};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(kRequestFds * sizeof(int));
  ::memcpy(CMSG_DATA(header), fds, kRequestFds * sizeof(int));
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(kRequestHeaderBytes))
    return false;
  size_t sent = kRequestHeaderBytes;
  while (sent < bytes.size()) {
    const ssize_t more = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return false;
    sent += static_cast<size_t>(more);
  }
  return true;
}

class Client {
 public:
  explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}

  int Run(Request& request) {
    // Before the command can do anything that brings one.
    UniqueFd signals = WatchSignals();
    terminal_.Open();
    if (!signals.valid() || !Send(request)) return 1;
    terminal_.ClosePeer();
    terminal_.Raw();
    while (!code_) {
      pollfd waits[] = {
          {socket_.get(), POLLIN, 0},
          {signals.get(), POLLIN, 0},
          {terminal_.open() && !silent_ ? terminal_.master() : -1, POLLIN, 0},
          {terminal_.open() && terminal_.takes_input() ? STDIN_FILENO : -1, POLLIN, 0}};
      if (terminal_.has_input()) waits[2].events |= POLLOUT;
      if (::poll(waits, 4, -1) < 0) continue;
      if ((waits[2].revents & POLLOUT) != 0) terminal_.WriteInput();
      if ((waits[2].revents & ~POLLOUT) != 0 && !terminal_.OnOutput()) silent_ = true;
      if (waits[3].revents != 0) terminal_.OnInput();
      if (waits[1].revents != 0) OnSignal(signals.get());
      if (waits[0].revents != 0) OnReply();
    }
    return *code_;
  }

 private:
  static UniqueFd WatchSignals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (int signal : kPassedOn) ::sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return UniqueFd();
    return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  bool Send(Request& request) {
    UniqueFd directory(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid()) directory.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    int fds[kRequestFds] = {0, 1, 2, directory.get()};
    for (int i = 0; i < 3; ++i) {
      if (!terminal_.open() || !::isatty(i)) continue;
      fds[i] = terminal_.peer();
      request.terminals |= 1u << i;
    }
    const std::optional<std::string> bytes = EncodeRequest(request);
    if (!bytes) {
      Complain("the command and its environment are too long");
      return false;
    }
    if (SendRequest(socket_.get(), *bytes, fds)) return true;
    // Refused before it was read: the reason is there.
    if (errno != EPIPE && errno != ECONNRESET) {
      Complain(std::string("cannot pass the command on: ") + ::strerror(errno));
      return false;
    }
    return true;
  }

  void OnSignal(int signals) {
    signalfd_siginfo info;
    while (::read(signals, &info, sizeof(info)) == sizeof(info)) {
      const unsigned char number = static_cast<unsigned char>(info.ssi_signo);
      if (number == SIGWINCH && terminal_.open()) {
        terminal_.OnResize();
        continue;
      }
      if (number == SIGCONT) terminal_.Raw();
      ::send(socket_.get(), &number, 1, MSG_NOSIGNAL);
    }
  }

  void OnReply() {
    Reply reply;
    ssize_t size;
    do {
      size = ::recv(socket_.get(), &reply, sizeof(reply), MSG_WAITALL);
    } while (size < 0 && errno == EINTR);
    if (size != sizeof(reply)) {
      Finish(1);
      return Complain("the command was ended from outside");
    }
    switch (reply.kind) {
      case ReplyKind::kExited:
        return Finish(WIFEXITED(reply.value) ? WEXITSTATUS(reply.value)
                                             : 128 + WTERMSIG(reply.value));
      case ReplyKind::kStopped:
        // With its command, until somebody has it go on.
        terminal_.Cook();
        ::kill(::getpid(), SIGSTOP);
        return;
      case ReplyKind::kRefused:
        Finish(1);
        return Complain(ReadReason());
    }
    Finish(1);
  }

  std::string ReadReason() {
    std::string reason;
    char bytes[256];
    ssize_t size;
    while (reason.size() < 4096 && (size = ::recv(socket_.get(), bytes, sizeof(bytes), 0)) > 0)
      reason.append(bytes, static_cast<size_t>(size));
    return reason;
  }

  void Finish(int code) {
    if (terminal_.open()) terminal_.Drain();
    terminal_.Cook();
    code_ = code;
  }

  UniqueFd socket_;
  Terminal terminal_;
  // Nothing holds the command's end of the terminal.
  bool silent_ = false;
  std::optional<int> code_;
};

}  // namespace

bool IsGranted() {
  if (::access(kSudoBell, F_OK) == 0) return true;
  Complain(kNotGranted);
  return false;
}

int RunThroughAgent(Request request) {
  // Sends take descriptors of the standard streams, which may be closed.
  int fd;
  do {
    // Those that fill 0 to 2 are the command's, too.
    fd = ::open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open)
  } while (fd >= 0 && fd < 3);
  UniqueFd unneeded(fd);
  UniqueFd socket = Connect();
  return socket.valid() ? Client(std::move(socket)).Run(request) : 1;
}

}  // namespace warren::sudo
