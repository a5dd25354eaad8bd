#include "supervisor/e2b/envd/process_events.h"

#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr size_t kMaxOutputPart = 1 << 20;
constexpr size_t kListedBytes = 4 << 10;
constexpr int kMostSignal = 64;

// Whether a text of the sandbox's says one of these.
bool SaysOneOf(absl::string_view words, std::initializer_list<absl::string_view> which) {
  const std::string lower = absl::AsciiStrToLower(words);
  for (absl::string_view each : which) {
    if (absl::StrContains(lower, each)) return true;
  }
  return false;
}

v1::ProcessEvent::Output::Stream StreamOf(const e2b::ProcessEvent::DataEvent& data) {
  if (data.has_pty()) return v1::ProcessEvent::Output::TERMINAL;
  return data.has_stderr() ? v1::ProcessEvent::Output::STDERR : v1::ProcessEvent::Output::STDOUT;
}

std::string& DataOf(e2b::ProcessEvent::DataEvent& data) {
  if (data.has_pty()) return *data.mutable_pty();
  return data.has_stderr() ? *data.mutable_stderr() : *data.mutable_stdout();
}

}  // namespace

std::string CloudProcessId(uint32_t pid) { return absl::StrCat("p", pid); }

absl::StatusOr<uint32_t> CloudPid(absl::string_view process_id) {
  absl::string_view digits = process_id;
  uint32_t pid = 0;
  if (absl::ConsumePrefix(&digits, "p") && absl::SimpleAtoi(digits, &pid) && pid > 0 &&
      pid <= INT32_MAX && process_id == CloudProcessId(pid)) {
    return pid;
  }
  return absl::NotFoundError("no such process: it never was, or it ended too long ago");
}

e2b::StartRequest ToEnvdStart(const v1::StartProcessRequest& request) {
  e2b::StartRequest start;
  e2b::ProcessConfig& process = *start.mutable_process();
  process.set_cmd(request.arguments(0));
  for (int i = 1; i < request.arguments_size(); ++i) process.add_args(request.arguments(i));
  for (const auto& [name, value] : request.env()) (*process.mutable_envs())[name] = value;
  process.set_cwd(request.working_directory());
  if (request.has_terminal()) {
    e2b::Pty::Size& size = *start.mutable_pty()->mutable_size();
    size.set_cols(static_cast<uint32_t>(request.terminal().columns()));
    size.set_rows(static_cast<uint32_t>(request.terminal().rows()));
  } else {
    start.set_stdin(!request.no_input());
  }
  return start;
}

absl::Status CloudStartStatus(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status) && !absl::IsInternal(status)) return status;
  std::string words(status.message());
  if (absl::StartsWith(words, "cwd ")) words = absl::StrCat("working_directory ", words.substr(4));
  if (SaysOneOf(words, {"permission denied"})) return absl::PermissionDeniedError(words);
  if (SaysOneOf(words, {"no such file", "does not exist", "not found"}))
    return absl::NotFoundError(words);
  return absl::Status(status.code(), words);
}

std::vector<v1::ProcessEvent> ToOutputEvents(e2b::ProcessEvent::DataEvent data) {
  std::vector<v1::ProcessEvent> events;
  const auto stream = StreamOf(data);
  std::string& bytes = DataOf(data);
  if (bytes.empty()) return events;
  const auto add = [&](std::string part) {
    v1::ProcessEvent::Output& output = *events.emplace_back().mutable_output();
    output.set_stream(stream);
    output.set_data(std::move(part));
  };
  if (bytes.size() <= kMaxOutputPart) {
    add(std::move(bytes));
    return events;
  }
  for (size_t at = 0; at < bytes.size(); at += kMaxOutputPart)
    add(bytes.substr(at, kMaxOutputPart));
  return events;
}

int SignalOfWords(absl::string_view status) {
  absl::ConsumePrefix(&status, "signal: ");
  absl::ConsumeSuffix(&status, " (core dumped)");
  int number = 0;
  absl::string_view digits = status;
  if (absl::ConsumePrefix(&digits, "signal ") && absl::SimpleAtoi(digits, &number))
    return number >= 1 && number <= kMostSignal ? number : 0;
  // Go's words are glibc's, but for their case.
  for (int signal = 1; signal <= kMostSignal; ++signal) {
    const char* words = ::sigdescr_np(signal);
    if (words != nullptr && absl::EqualsIgnoreCase(status, words)) return signal;
  }
  return 0;
}

v1::Termination CloudTermination(const e2b::ProcessEvent::EndEvent& end, StopReason stop,
                                 OutputCut cut) {
  ProcessEnd how;
  how.stop = stop;
  how.output_cut = cut == OutputCut::kYes;
  if (end.exited()) {
    how.exit_code = end.exit_code();
    return TerminationOfProcess(how);
  }
  how.signal = SignalOfWords(end.status());
  if (how.signal != 0) return TerminationOfProcess(how);
  // Whatever it was, it did not exit by itself; if it was made to end, it was for that.
  if (stop != StopReason::kNone) {
    how.signal = SIGKILL;
    return TerminationOfProcess(how);
  }
  constexpr size_t kShownWords = 128;
  v1::Termination termination;
  termination.set_kind(v1::Termination::KILLED);
  termination.set_message(
      absl::StrCat("the process was ended by a signal, and the cloud says which in words that are "
                   "not known here: \"",
                   absl::CEscape(absl::string_view(end.status()).substr(0, kShownWords)), "\""));
  return termination;
}

v1::Process ToListedProcess(const e2b::ProcessInfo& info) {
  v1::Process process;
  process.set_process_id(CloudProcessId(info.pid()));
  process.set_pid(static_cast<int32_t>(info.pid()));
  size_t room = kListedBytes;
  const auto add = [&](const std::string& argument) {
    if (process.arguments_cut()) return;
    process.set_arguments_cut(argument.size() > room);
    process.add_arguments(ToValidUtf8(argument, room));
    room -= std::min(room, argument.size());
  };
  add(info.config().cmd());
  for (const std::string& argument : info.config().args()) add(argument);
  process.set_working_directory(info.config().cwd());
  size_t bytes = 0;
  for (const auto& [name, value] : info.config().envs()) bytes += name.size() + value.size();
  if (bytes <= kListedBytes) *process.mutable_env() = info.config().envs();
  return process;
}

}  // namespace warren
