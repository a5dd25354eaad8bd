// Pipes and processes without any gRPC.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/references.h"
#include "tools/benchmark/client/samples.h"

namespace warren::bench {
namespace {

absl::Status TransferByte(ssize_t result, absl::string_view what) {
  if (result == 1) return absl::OkStatus();
  return result < 0 ? Errno(what) : absl::UnavailableError(absl::StrCat(what, ": the peer ended"));
}

// The child of MeasurePipe: sends back what comes until the pipe ends.
[[noreturn]] void EchoBytes(int in, int out) {
  char byte = 0;
  while (::read(in, &byte, 1) == 1 && ::write(out, &byte, 1) == 1) {
  }
  ::_exit(0);
}

struct Spawned {
  int64_t ready = 0;
  int64_t reaped = 0;
};

// Reads to the end; notes when `until` was there.
absl::Status ReadOutput(int fd, const std::string& until, int64_t begin, Spawned& times) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t got; (got = ::read(fd, buffer.data(), buffer.size())) != 0;) {
    if (got < 0) return Errno("read the output of a started program");
    text.append(buffer.data(), static_cast<size_t>(got));
    if (times.ready == 0 && absl::StrContains(text, until)) times.ready = NowNs() - begin;
  }
  if (times.ready != 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("its output lacks \"", until, "\": \"", text.substr(0, 500), "\""));
}

// For exec, as long as the arguments are there.
std::vector<char*> ArgumentVector(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  return argv;
}

absl::Status WaitFor(pid_t pid, const std::string& program) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return Errno(absl::StrCat("wait for ", program));
  if (status == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("run ", program, ": it ended with wait status ", status));
}

absl::StatusOr<Spawned> SpawnOnce(const std::vector<std::string>& arguments,
                                  const std::string& until) {
  std::vector<char*> argv = ArgumentVector(arguments);
  WARREN_ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe.write_end.get(), STDOUT_FILENO);
  pid_t pid = 0;
  int64_t begin = NowNs();
  int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("start ", arguments[0]));
  pipe.write_end.reset();
  Spawned times;
  absl::Status read = ReadOutput(pipe.read_end.get(), until, begin, times);
  absl::Status waited = WaitFor(pid, arguments[0]);
  times.reaped = NowNs() - begin;
  WARREN_RETURN_IF_ERROR(read);
  WARREN_RETURN_IF_ERROR(waited);
  return times;
}

absl::StatusOr<int64_t> ForkExecOnce(const std::vector<std::string>& arguments) {
  std::vector<char*> argv = ArgumentVector(arguments);
  int64_t begin = NowNs();
  pid_t pid = ::fork();
  if (pid < 0) return Errno(absl::StrCat("fork for ", arguments[0]));
  if (pid == 0) {
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  WARREN_RETURN_IF_ERROR(WaitFor(pid, arguments[0]));
  return NowNs() - begin;
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasurePipe(int count, int warmup) {
  WARREN_ASSIGN_OR_RETURN(Pipe there, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe back, MakePipe());
  pid_t child = ::fork();
  if (child < 0) return Errno("fork the other end of a pipe");
  if (child == 0) {
    there.write_end.reset();
    EchoBytes(there.read_end.get(), back.write_end.get());
  }
  there.read_end.reset();
  back.write_end.reset();
  Samples times;
  absl::Status status;
  for (int i = -warmup; i < count && status.ok(); ++i) {
    char byte = 'x';
    int64_t begin = NowNs();
    status = TransferByte(::write(there.write_end.get(), &byte, 1), "write to a pipe");
    if (status.ok()) {
      status = TransferByte(::read(back.read_end.get(), &byte, 1), "read from a pipe");
    }
    if (i >= 0) times.push_back(NowNs() - begin);
  }
  there.write_end.reset();
  ::waitpid(child, nullptr, 0);
  WARREN_RETURN_IF_ERROR(status);
  return nlohmann::json{{"round_trip", times}};
}

absl::StatusOr<nlohmann::json> MeasureSpawn(const std::vector<std::string>& arguments,
                                            const std::string& until, int count, int warmup) {
  Samples ready, reaped;
  for (int i = -warmup; i < count; ++i) {
    WARREN_ASSIGN_OR_RETURN(Spawned times, SpawnOnce(arguments, until));
    if (i < 0) continue;
    ready.push_back(times.ready);
    reaped.push_back(times.reaped);
  }
  return nlohmann::json{{"ready", ready}, {"reaped", reaped}};
}

absl::StatusOr<nlohmann::json> MeasureForkExec(const std::vector<std::string>& arguments, int count,
                                               int warmup) {
  Samples reaped;
  for (int i = -warmup; i < count; ++i) {
    WARREN_ASSIGN_OR_RETURN(int64_t time, ForkExecOnce(arguments));
    if (i >= 0) reaped.push_back(time);
  }
  return nlohmann::json{{"reaped", reaped}};
}

}  // namespace warren::bench
