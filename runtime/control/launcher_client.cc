#include "runtime/control/launcher_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr size_t kMaxReplyBytes = 64 << 10;
constexpr int kLauncherSocketFd = 3;
// Room for a burst of launch plans, so that sending rarely has to wait.
constexpr int kSocketBufferBytes = 1 << 20;
constexpr int kExecFailed = 127;

std::vector<std::string> CommandLine(const LauncherOptions& options) {
  std::vector<std::string> words = {
      options.program,
      absl::StrCat("--socket-fd=", kLauncherSocketFd),
      absl::StrCat("--templates=", options.template_store),
      absl::StrCat("--prefix=", options.prefix),
      absl::StrCat("--cgroup-parent=", options.cgroup_parent),
      absl::StrCat("--limits-policy=", options.limits_policy),
      absl::StrCat("--egress-policy=", options.egress_policy),
      absl::StrCat("--package-policy=", options.package_policy),
      absl::StrCat("--max-sandboxes=", options.max_sandboxes),
      absl::StrCat("--memory-total=", options.memory_total),
      absl::StrCat("--pids-total=", options.pids_total),
  };
  const std::pair<const char*, const std::string&> given[] = {
      {"--package-store=", options.package_store},
      {"--relay-program=", options.relay_program},
      {"--fetcher-program=", options.fetcher_program},
      {"--store-program=", options.store_program}};
  for (const auto& [flag, value] : given) {
    if (!value.empty()) words.push_back(absl::StrCat(flag, value));
  }
  for (const std::string& index : options.package_indexes)
    words.push_back(absl::StrCat("--package-index=", index));
  if (options.package_store_bytes > 0)
    words.push_back(absl::StrCat("--package-store-bytes=", options.package_store_bytes));
  if (options.no_socket_lookup) words.emplace_back("--no-socket-lookup");
  for (const std::string& path : options.socket_paths) {
    words.push_back(absl::StrCat("--remove-socket=", path));
  }
  return words;
}

// Runs in the forked child: allocates nothing. Reports exec's errno through `error_pipe`, which
// exec closes.
[[noreturn]] void ExecLauncher(char* const* argv, int socket, int error_pipe) {
  // A session of its own: Ctrl-C on the supervisor's terminal must reach the launcher as the
  // supervisor's orderly end.
  ::setsid();
  // dup2 clears close-on-exec, except when the number is the same already.
  bool placed = socket == kLauncherSocketFd ? ::fcntl(socket, F_SETFD, 0) == 0
                                            : ::dup2(socket, kLauncherSocketFd) >= 0;
  if (placed) ::execv(argv[0], argv);
  int error = errno;
  ssize_t ignored = ::write(error_pipe, &error, sizeof(error));
  (void)ignored;
  ::_exit(kExecFailed);
}

absl::Status RaiseBuffers(int socket) {
  // The kernel caps both silently at its own maximum.
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(int)) != 0 ||
      ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof(int)) != 0) {
    return Errno("setsockopt of the launcher's socket");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LauncherClient>> LauncherClient::Start(
    const LauncherOptions& options) {
  WARREN_ASSIGN_OR_RETURN(SocketPair sockets, MakeSeqpacketPair());
  WARREN_RETURN_IF_ERROR(RaiseBuffers(sockets.first.get()));
  WARREN_RETURN_IF_ERROR(RaiseBuffers(sockets.second.get()));
  WARREN_ASSIGN_OR_RETURN(Pipe error_pipe, MakePipe());
  // The child's dup2 must not overwrite the pipe on which it reports a failure.
  UniqueFd error_write(::fcntl(error_pipe.write_end.get(), F_DUPFD_CLOEXEC, kLauncherSocketFd + 1));
  if (!error_write.valid()) return Errno("fcntl F_DUPFD_CLOEXEC");
  error_pipe.write_end.reset();

  std::vector<std::string> words = CommandLine(options);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  pid_t pid = ::fork();
  if (pid < 0) return Errno("fork the launcher");
  if (pid == 0) ExecLauncher(argv.data(), sockets.second.get(), error_write.get());
  error_write.reset();
  int error = 0;
  ssize_t n = ::read(error_pipe.read_end.get(), &error, sizeof(error));
  if (n == sizeof(error)) {
    ::waitpid(pid, nullptr, 0);
    errno = error;
    return absl::FailedPreconditionError(
        absl::StrCat("exec ", options.program, ": ", Errno("").message(),
                     "; warrend expects warren-launcher beside itself in the same bin directory"));
  }
  return std::unique_ptr<LauncherClient>(new LauncherClient(std::move(sockets.first), pid));
}

absl::StatusOr<LauncherClient::Hello> LauncherClient::ReceiveHello(absl::Duration timeout) {
  pollfd readable{socket_.get(), POLLIN, 0};
  int ready;
  do {
    ready = ::poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return Errno("poll the launcher's socket");
  if (ready == 0) {
    return absl::DeadlineExceededError(
        absl::StrCat("the launcher said nothing within ", absl::FormatDuration(timeout)));
  }
  WARREN_ASSIGN_OR_RETURN(LauncherMessage message, Receive());
  if (message.reply.code() != 0) {
    return absl::Status(static_cast<absl::StatusCode>(message.reply.code()),
                        message.reply.message());
  }
  if (!message.reply.has_hello() || message.fds.size() != 1) {
    return absl::InternalError("the launcher's first message is not its Hello");
  }
  Hello hello{message.reply.hello().facts(), {}};
  if (::lseek(message.fds[0].get(), 0, SEEK_SET) != 0) return Errno("rewind the launcher's offer");
  WARREN_ASSIGN_OR_RETURN(std::string offer, ReadAll(message.fds[0].get()));
  if (!hello.offer.ParseFromString(offer)) {
    return absl::InternalError("the launcher's offer cannot be read");
  }
  return hello;
}

absl::Status LauncherClient::Send(const internal::LauncherRequest& request) {
  return SendSerialized(request.SerializeAsString());
}

absl::Status LauncherClient::SendSerialized(const std::string& request) {
  ssize_t n;
  do {
    n = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return absl::OkStatus();
  if (errno == EAGAIN) return absl::UnavailableError("the launcher's socket is full");
  return Errno("send to the launcher");
}

absl::StatusOr<LauncherMessage> LauncherClient::Receive() {
  pollfd readable{socket_.get(), POLLIN, 0};
  if (::poll(&readable, 1, 0) == 0) return absl::UnavailableError("no message from the launcher");
  WARREN_ASSIGN_OR_RETURN(Message message, ReceiveMessage(socket_.get(), kMaxReplyBytes));
  if (message.data.empty()) return absl::AbortedError("the launcher closed its socket");
  LauncherMessage result;
  if (!result.reply.ParseFromString(message.data)) {
    return absl::InternalError("the launcher sent a message that does not parse");
  }
  result.fds = std::move(message.fds);
  return result;
}

bool LauncherClient::WaitForExit(absl::Duration timeout) {
  if (pid_ < 0) return true;
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd.valid()) return errno == ESRCH;
  pollfd ended{pidfd.get(), POLLIN, 0};
  const absl::Time deadline = absl::Now() + timeout;
  int ready;
  do {
    absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    ready = ::poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(left)));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return false;
  return ::waitpid(pid_, nullptr, 0) == pid_;
}

}  // namespace warren
