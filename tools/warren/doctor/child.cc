#include "tools/warren/doctor/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren::doctor {
namespace {

constexpr int kTimeoutMs = 60'000;
constexpr size_t kMaxOutput = 64 << 10;

// A forked child and the pipe on which it answers. The destructor kills and reaps it, unless it is
// reaped already.
class Child {
 public:
  Child(pid_t pid, UniqueFd answer) : pid_(pid), answer_(std::move(answer)) {}
  ~Child() {
    if (!reaped_) {
      // Only a child of ours that is not reaped: its number cannot name another process, nor be -1,
      // which is everybody.
      ::kill(pid_, SIGKILL);
      Reap();
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

  // Everything that the child writes until it closes the pipe.
  absl::StatusOr<std::string> Answer() {
    std::string text;
    char chunk[4096];
    while (text.size() < kMaxOutput) {
      pollfd ready{answer_.get(), POLLIN, 0};
      int count = ::poll(&ready, 1, kTimeoutMs);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Errno("poll");
      if (count == 0) return absl::DeadlineExceededError("no answer within 10 s");
      ssize_t n = ::read(answer_.get(), chunk, sizeof(chunk));
      if (n < 0) return Errno("read");
      if (n == 0) break;
      text.append(chunk, static_cast<size_t>(n));
    }
    return text;
  }

  // Waits for its end, once; the wait status.
  int Reap() {
    reaped_ = true;
    int status = -1;
    ::waitpid(pid_, &status, 0);
    return status;
  }

 private:
  const pid_t pid_;
  bool reaped_ = false;
  UniqueFd answer_;
};

void WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// The child's half: its status as "<code> <message>", so that no answer at all is a failure too.
[[noreturn]] void AnswerAndExit(int pipe, const absl::Status& status) {
  WriteAll(pipe, absl::StrCat(static_cast<int>(status.code()), " ", status.message()));
  ::_exit(0);
}

absl::Status ParseAnswer(const std::string& answer) {
  size_t space = answer.find(' ');
  if (space == std::string::npos) return absl::InternalError("the child died");
  auto code = static_cast<absl::StatusCode>(std::atoi(answer.c_str()));
  return absl::Status(code, answer.substr(space + 1));
}

}  // namespace

absl::Status InChild(const std::function<absl::Status()>& body) {
  WARREN_ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  pid_t pid = ::fork();
  if (pid < 0) return Errno("fork");
  if (pid == 0) AnswerAndExit(pipe.write_end.get(), body());
  pipe.write_end.reset();
  Child child(pid, std::move(pipe.read_end));
  WARREN_ASSIGN_OR_RETURN(std::string answer, child.Answer());
  return ParseAnswer(answer);
}

absl::Status MapIds(int pid, unsigned first, unsigned count) {
  for (const char* map : {"gid_map", "uid_map"}) {
    WARREN_RETURN_IF_ERROR(WriteControlFile(AT_FDCWD, absl::StrCat("/proc/", pid, "/", map),
                                            absl::StrCat("0 ", first, " ", count, "\n")));
  }
  return absl::OkStatus();
}

absl::Status InMappedChild(const std::function<absl::Status()>& body) {
  WARREN_ASSIGN_OR_RETURN(Pipe answer_pipe, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe ready, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe mapped, MakePipe());
  pid_t pid = ::fork();
  if (pid < 0) return Errno("fork");
  if (pid == 0) {
    int answer = answer_pipe.write_end.get();
    mapped.write_end.reset();
    if (::unshare(CLONE_NEWUSER) != 0) AnswerAndExit(answer, Errno("unshare user namespace"));
    WriteAll(ready.write_end.get(), "r");
    char byte;
    // End of file without a byte: the parent could not write the maps, and says so itself.
    if (::read(mapped.read_end.get(), &byte, 1) != 1) ::_exit(1);
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
      AnswerAndExit(answer, Errno("become root of the user namespace"));
    }
    AnswerAndExit(answer, body());
  }
  answer_pipe.write_end.reset();
  ready.write_end.reset();
  mapped.read_end.reset();
  Child child(pid, std::move(answer_pipe.read_end));
  char byte;
  if (::read(ready.read_end.get(), &byte, 1) == 1) {
    WARREN_RETURN_IF_ERROR(MapIds(pid, 1'000'000, 65'536));
    WriteAll(mapped.write_end.get(), "m");
  }
  WARREN_ASSIGN_OR_RETURN(std::string text, child.Answer());
  return ParseAnswer(text);
}

absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& arguments) {
  WARREN_ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = ::fork();
  if (pid < 0) return Errno("fork");
  if (pid == 0) {
    int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, STDIN_FILENO);
    ::dup2(pipe.write_end.get(), STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  pipe.write_end.reset();
  Child child(pid, std::move(pipe.read_end));
  WARREN_ASSIGN_OR_RETURN(std::string text, child.Answer());
  int status = child.Reap();
  if (!WIFEXITED(status)) return absl::InternalError(absl::StrCat(arguments[0], " was killed"));
  if (WEXITSTATUS(status) != 0) {
    return absl::InternalError(
        absl::StrCat(arguments[0], " ended with exit code ", WEXITSTATUS(status)));
  }
  return text;
}

}  // namespace warren::doctor
