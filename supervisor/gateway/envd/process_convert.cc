#include "supervisor/gateway/envd/process_convert.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/gateway/envd/filesystem_path.h"

namespace warren {
namespace {

// The longest that a process may be given; one that asks for more lives as long as its sandbox.
constexpr absl::Duration kMostProcessTime = absl::Hours(24);
// One more than a terminal can have: refused where it is checked, by its name.
constexpr uint32_t kMostSide = 65536;

// "killed": glibc's words but for their first letter are Go's.
std::string SignalWords(int signal) {
  const char* words = ::sigdescr_np(signal);
  if (words == nullptr) return absl::StrCat("signal ", signal);
  std::string text = words;
  if (text.size() > 1 && absl::ascii_islower(static_cast<unsigned char>(text[1])))
    text[0] = absl::ascii_tolower(static_cast<unsigned char>(text[0]));
  return text;
}

}  // namespace

absl::StatusOr<v1::StartProcessRequest> ToStartProcess(e2b::StartRequest request,
                                                       const std::string& user,
                                                       std::optional<absl::Duration> timeout) {
  v1::StartProcessRequest start;
  e2b::ProcessConfig& process = *request.mutable_process();
  start.add_arguments(std::move(*process.mutable_cmd()));
  for (std::string& argument : *process.mutable_args()) start.add_arguments(std::move(argument));
  start.mutable_env()->swap(*process.mutable_envs());
  WARREN_ASSIGN_OR_RETURN(*start.mutable_working_directory(), EnvdPath(process.cwd(), user));
  start.set_user(user);
  if (timeout && *timeout <= kMostProcessTime) *start.mutable_timeout() = ToProto(*timeout);
  if (request.has_pty()) {
    *start.mutable_terminal() = ToTerminal(request.pty());
  } else {
    start.set_no_input(request.has_stdin() && !request.stdin());
  }
  // A client that goes does not end it: only its timeout does, and whoever kills it.
  start.set_on_disconnect(v1::ON_DISCONNECT_CONTINUE);
  // "server &": E2B leaves it.
  start.set_on_exit(v1::ON_EXIT_LEAVE);
  return start;
}

v1::Terminal ToTerminal(const e2b::Pty& pty) {
  v1::Terminal terminal;
  terminal.set_columns(static_cast<int32_t>(std::min(pty.size().cols(), kMostSide)));
  terminal.set_rows(static_cast<int32_t>(std::min(pty.size().rows(), kMostSide)));
  return terminal;
}

absl::Status ToStartError(const absl::Status& status) {
  if (!absl::IsNotFound(status) && !absl::IsPermissionDenied(status)) return status;
  absl::string_view message = status.message();
  // By the name that the client has for it.
  if (absl::ConsumePrefix(&message, "working_directory "))
    return absl::InvalidArgumentError(absl::StrCat("cwd ", message));
  return absl::InvalidArgumentError(message);
}

e2b::ProcessInfo ToProcessInfo(const v1::Process& process) {
  e2b::ProcessInfo info;
  info.set_pid(static_cast<uint32_t>(process.pid()));
  e2b::ProcessConfig& config = *info.mutable_config();
  for (const std::string& argument : process.arguments()) {
    if (&argument == &process.arguments(0)) {
      config.set_cmd(argument);
    } else {
      config.add_args(argument);
    }
  }
  for (const auto& [name, value] : process.env()) (*config.mutable_envs())[name] = value;
  if (!process.working_directory().empty()) config.set_cwd(process.working_directory());
  return info;
}

std::optional<e2b::ProcessEventResponse> ToProcessEvent(v1::ProcessEvent event) {
  e2b::ProcessEventResponse response;
  if (event.has_started()) {
    response.mutable_event()->mutable_start()->set_pid(
        static_cast<uint32_t>(event.started().pid()));
    return response;
  }
  if (!event.has_output()) return std::nullopt;
  e2b::ProcessEvent::DataEvent& to = *response.mutable_event()->mutable_data();
  std::string& bytes = *event.mutable_output()->mutable_data();
  switch (event.output().stream()) {
    case v1::ProcessEvent::Output::STDERR:
      to.set_stderr(std::move(bytes));
      break;
    case v1::ProcessEvent::Output::TERMINAL:
      to.set_pty(std::move(bytes));
      break;
    default:
      to.set_stdout(std::move(bytes));
      break;
  }
  return response;
}

e2b::ProcessEventResponse ToProcessEnd(const v1::Termination& termination) {
  e2b::ProcessEventResponse response;
  e2b::ProcessEvent::EndEvent& end = *response.mutable_event()->mutable_end();
  end.set_exited(termination.kind() == v1::Termination::EXITED);
  if (end.exited()) {
    end.set_exit_code(termination.exit_code());
    end.set_status(absl::StrCat("exit status ", termination.exit_code()));
    if (termination.exit_code() != 0) end.set_error(end.status());
    return response;
  }
  const int signal = termination.signal() != 0 ? termination.signal() : SIGKILL;
  end.set_exit_code(-1);
  end.set_status(absl::StrCat("signal: ", SignalWords(signal)));
  end.set_error(end.status());
  return response;
}

}  // namespace warren
