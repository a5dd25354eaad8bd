#include "tools/warren/process/session_options.h"

#include <unistd.h>

#include "tools/warren/exit_code.h"
#include "tools/warren/report.h"

namespace warren {

void AddSessionOptions(CLI::App& command, SessionOptions* options) {
  command.add_flag("--raw", options->raw,
                   "Pass control sequences of its output on to a terminal as they are");
  AddServerOptions(command, &options->server);
}

std::unique_ptr<ProcessRenderer> MakeProcessRenderer(const SessionOptions& options) {
  if (options.server.json) {
    return std::make_unique<JsonProcessRenderer>(Output(STDOUT_FILENO, Output::Treatment::kRaw));
  }
  auto output = [&](int fd) {
    return options.raw ? Output(fd, Output::Treatment::kRaw) : Output::ForFd(fd);
  };
  return std::make_unique<TextProcessRenderer>(output(STDOUT_FILENO), output(STDERR_FILENO));
}

int ReportSession(const Client& client, const char* what, const ProcessSession::End& end) {
  if (absl::IsUnavailable(end.output)) return kExitBrokenPipe;
  if (!end.output.ok()) return Fail(end.output.message());
  if (end.left) return end.signal == 0 ? 0 : 128 + end.signal;
  if (!end.status.ok()) return FailCall(client, what, end.status);
  return ExitCodeFor(end.termination, v1::ExecutionEvent::Error());
}

}  // namespace warren
