#include "tools/warren/code_run.h"

#include <unistd.h>

#include <optional>

#include "runtime/base/status.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/json_renderer.h"
#include "tools/warren/report.h"
#include "tools/warren/text_renderer.h"

namespace warren {

const char kCodeRunFooter[] =
    R"(Exit code: what became of the code.
  0    it ran to its end
  1    an uncaught exception (the traceback is on standard error)
  N    sys.exit(N), or its process exited with N
  121  policy violation: a call that the sandbox answers with death
  122  more output than allowed
  124  timed out
  125  Warren's own error: no server, no sandbox, a wrong command line
  130  cancelled (Ctrl-C)
  137  out of memory; 128 + N for another end by signal N
  152  the sandbox's CPU seconds are used up

With --json each line is an object with a "type": sandbox, started, stdout, stderr, display, error, finished, and, where
they come, clear_output, comm, input_request, missed, output_file; with --detach there is one, detached. Output is in "text".
Where bytes of it are not UTF-8, U+FFFD stands for them there, and "base64" beside it has the whole piece as it came. Of a
display's "data", the types that its "base64" lists are base64: the binary ones, and text that is not UTF-8.)";

void AddCodeOutputOptions(CLI::App& command, CodeOutputOptions* options) {
  command.add_flag("--json", options->json,
                   "Print one JSON object a line for each event; what it holds is said below");
  command.add_flag("--raw", options->raw,
                   "Pass control sequences of the code's output on to a terminal as they are");
  command.add_flag("--usage", options->usage,
                   "Say on standard error where the sandbox came from and what each cell used");
  command
      .add_option("--save-dir", options->save_dir,
                  "Write pictures, HTML and PDF displays to DIR/figure-N.EXT")
      ->type_name("DIR");
}

absl::StatusOr<std::unique_ptr<Renderer>> MakeRenderer(const CodeOutputOptions& options) {
  std::optional<SavedDisplays> saved;
  if (!options.save_dir.empty()) {
    WARREN_ASSIGN_OR_RETURN(saved, SavedDisplays::Create(options.save_dir));
  }
  auto output = [&](int fd) {
    return options.raw ? Output(fd, Output::Treatment::kRaw) : Output::ForFd(fd);
  };
  if (options.json) {
    Output out(STDOUT_FILENO, Output::Treatment::kRaw);
    return std::make_unique<JsonRenderer>(std::move(out), std::move(saved));
  }
  return std::make_unique<TextRenderer>(
      output(STDOUT_FILENO), output(STDERR_FILENO), std::move(saved),
      options.usage ? TextRenderer::UsageLines::kShow : TextRenderer::UsageLines::kHide);
}

int ExplainBrokenRun(const Client& client, const Interrupts& interrupts, const absl::Status& output,
                     const grpc::Status& status) {
  if (!output.ok()) {
    if (absl::IsUnavailable(output)) return kExitBrokenPipe;
    return Fail(output.message());
  }
  if (interrupts.signal() != 0) {
    Say("cancelled");
    return 128 + interrupts.signal();
  }
  return FailCall(client, "run the code", status);
}

CodeRunEnd ShowRun(const Client& client, const Interrupts& interrupts, Renderer& renderer,
                   int number, Attachment attachment,
                   const std::function<grpc::Status(const EventHandler&)>& run) {
  absl::Status output;
  v1::Termination end;
  v1::ExecutionEvent::Error error;
  bool detached = false;
  grpc::Status status = run([&](const v1::ExecutionEvent& event) {
    if (detached) return false;
    if (event.has_error()) error = event.error();
    if (event.has_finished()) end = event.finished().termination();
    detached = event.has_started() && attachment == Attachment::kDetach;
    output.Update(detached ? renderer.OnDetached(event.started())
                           : renderer.OnEvent(number, event));
    return output.ok() && !detached;
  });
  if (detached && output.ok()) return {0};
  if (!status.ok() || !output.ok()) return {ExplainBrokenRun(client, interrupts, output, status)};
  int exit_code = ExitCodeFor(end, error);
  // sys.exit() ends the run, with 0 as well.
  return {exit_code,
          exit_code == 0 && end.kind() == v1::Termination::EXITED && end.context_alive()};
}

}  // namespace warren
