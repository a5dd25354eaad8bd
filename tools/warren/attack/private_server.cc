#include "tools/warren/attack/private_server.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/pace.h"

namespace warren::attack {
namespace {

// What only a hang takes, at pace 1.
constexpr absl::Duration kStartTimeout = absl::Seconds(120);
constexpr absl::Duration kStopTimeout = absl::Seconds(60);

[[noreturn]] void Exec(const std::vector<std::string>& arguments, const std::string& log) {
  int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  // A session of its own: Ctrl-C ends the attacks first, and those end the server.
  ::setsid();
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

absl::StatusOr<PrivateServer> PrivateServer::Start(const Options& options) {
  char name[] = "/tmp/warren-attack-server-XXXXXX";
  if (::mkdtemp(name) == nullptr) return Errno("make a directory in /tmp");
  // warrend serves as another user, who has to reach its run-time directory.
  ::chmod(name, 0711);
  PrivateServer server;
  server.directory_ = name;
  std::vector<std::string> arguments = {
      options.program,
      "--listen",
      server.address(),
      "--runtime-dir",
      server.directory_ + "/run",
      "--keys",
      server.directory_ + "/keys.db",
      "--cgroup-parent",
      absl::StrCat("warren-attack-", ::getpid()),
      "--pool",
      options.template_id + "=2",
      "--default-template",
      options.template_id,
      "--profile",
      options.profile,
  };
  if (!options.template_store.empty()) {
    arguments.insert(arguments.end(), {"--templates", options.template_store});
  }
  pid_t pid = ::fork();
  if (pid < 0) return Errno("fork");
  if (pid == 0) Exec(arguments, server.directory_ + "/log");
  server.pid_ = pid;
  WARREN_RETURN_IF_ERROR(server.AwaitSocket());
  return server;
}

absl::Status PrivateServer::AwaitSocket() const {
  absl::Time deadline = absl::Now() + AtThisPace(kStartTimeout);
  while (absl::Now() < deadline) {
    if (::access(socket_path().c_str(), F_OK) == 0) return absl::OkStatus();
    siginfo_t ended{};
    // WNOWAIT: reaping is the destructor's.
    if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        ended.si_pid == pid_) {
      return absl::FailedPreconditionError(absl::StrCat("warrend does not start:\n", LogEnd()));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::DeadlineExceededError(absl::StrCat("warrend does not answer:\n", LogEnd()));
}

std::string PrivateServer::LogEnd() const {
  std::string log = ReadFile(directory_ + "/log").value_or("");
  constexpr size_t kShown = 2000;
  return log.size() <= kShown ? log : log.substr(log.size() - kShown);
}

PrivateServer::PrivateServer(PrivateServer&& other) noexcept
    : directory_(std::exchange(other.directory_, "")), pid_(std::exchange(other.pid_, 0)) {}

PrivateServer::~PrivateServer() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    absl::Time deadline = absl::Now() + AtThisPace(kStopTimeout);
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (absl::Now() > deadline) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        break;
      }
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  std::error_code error;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, error);
}

}  // namespace warren::attack
