// `warren exec`: a sandbox for the time of a few cells.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/cells.h"
#include "tools/warren/commands.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/flags.h"
#include "tools/warren/interrupts.h"
#include "tools/warren/json_renderer.h"
#include "tools/warren/sandbox_lease.h"
#include "tools/warren/text_renderer.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

constexpr size_t kMaxCellBytes = 1 << 20;
constexpr size_t kMaxScriptBytes = 64 << 20;
constexpr absl::Duration kMaxLifetime = absl::Hours(24);

constexpr char kFooter[] =
    R"(Each -c and then each FILE is one cell of the same Python context; the first cell that does not run
to its end is the last. Without either, standard input is the cell.

Exit code: what became of the code.
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

With --json each line is an object with a "type": sandbox, started, stdout, stderr, display, error, finished.
Output is in "text". Where bytes of it are not UTF-8, U+FFFD stands for them there, and "base64" beside it has the
whole piece as it came. Of a display's "data", the types that its "base64" lists are base64: the binary ones, and
text that is not UTF-8.

Examples:
  warren exec -c 'import pandas as pd; pd.DataFrame({"a": [1, 2]}).describe()'
  warren exec --save-dir out analysis.py
  warren exec --template base -c 'import platform; platform.python_version()'
  echo 'print(6 * 7)' | warren exec)";

struct ExecOptions {
  std::string address;
  std::vector<std::string> codes;
  std::vector<std::string> files;
  bool split_cells = false;
  v1::CreateSandboxRequest create;
  absl::Duration timeout = absl::Seconds(60);
  bool json = false;
  bool raw = false;
  bool usage = false;
  std::string save_dir;
};

int Fail(absl::string_view message) {
  std::cerr << "warren: " << message << "\n";
  return kExitWarren;
}

absl::StatusOr<std::vector<std::string>> CellsOfFile(const std::string& file,
                                                     const ExecOptions& options) {
  WARREN_ASSIGN_OR_RETURN(std::string script,
                          ReadFile(file == "-" ? "/dev/stdin" : file, kMaxScriptBytes));
  if (options.split_cells) return SplitCells(script);
  return std::vector<std::string>{std::move(script)};
}

absl::StatusOr<std::vector<std::string>> CollectCells(const ExecOptions& options) {
  std::vector<std::string> cells = options.codes;
  std::vector<std::string> files = options.files;
  if (cells.empty() && files.empty()) {
    if (::isatty(STDIN_FILENO) == 1) std::cerr << "warren: reading the code; end with Ctrl-D\n";
    files.emplace_back("-");
  }
  for (const std::string& file : files) {
    WARREN_ASSIGN_OR_RETURN(std::vector<std::string> more, CellsOfFile(file, options));
    std::move(more.begin(), more.end(), std::back_inserter(cells));
  }
  if (cells.empty()) return absl::InvalidArgumentError("there is no code to run");
  for (const std::string& cell : cells) {
    if (cell.size() > kMaxCellBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a cell has ", FormatBytes(static_cast<int64_t>(cell.size())),
                       " of code; at most 1 MiB. --cells splits a file at its `# %%` markers"));
    }
  }
  return cells;
}

absl::StatusOr<std::unique_ptr<Renderer>> MakeRenderer(const ExecOptions& options) {
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

// Exit code of a run that the server gave no result for.
int ExplainBrokenRun(const Client& client, const Interrupts& interrupts, const absl::Status& output,
                     const grpc::Status& status) {
  if (!output.ok()) {
    if (absl::IsUnavailable(output)) return kExitBrokenPipe;
    return Fail(output.message());
  }
  if (interrupts.signal() != 0) {
    std::cerr << "warren: cancelled\n";
    return 128 + interrupts.signal();
  }
  std::cerr << client.Explain("run the code", status);
  return kExitWarren;
}

struct CellEnd {
  int exit_code = 0;
  // The next one may run.
  bool goes_on = false;
};

CellEnd RunCell(const Client& client, SandboxLease& lease, Interrupts& interrupts,
                Renderer& renderer, const ExecOptions& options, int number,
                const std::string& code) {
  absl::Status output;
  v1::Termination end;
  v1::ExecutionEvent::Error error;
  grpc::Status status =
      lease.Run({code, options.timeout}, interrupts, [&](const v1::ExecutionEvent& event) {
        if (event.has_error()) error = event.error();
        if (event.has_finished()) end = event.finished().termination();
        output.Update(renderer.OnEvent(number, event));
        return output.ok();
      });
  if (!status.ok() || !output.ok()) return {ExplainBrokenRun(client, interrupts, output, status)};
  int exit_code = ExitCodeFor(end, error);
  // sys.exit() ends the run, with 0 as well.
  return {exit_code,
          exit_code == 0 && end.kind() == v1::Termination::EXITED && end.context_alive()};
}

int RunCells(const Client& client, SandboxLease& lease, Interrupts& interrupts, Renderer& renderer,
             const ExecOptions& options, const std::vector<std::string>& cells) {
  int number = 0;
  CellEnd end;
  for (const std::string& code : cells) {
    end = RunCell(client, lease, interrupts, renderer, options, ++number, code);
    if (!end.goes_on) break;
  }
  return end.exit_code;
}

int RunExec(const ExecOptions& options) {
  absl::StatusOr<std::vector<std::string>> cells = CollectCells(options);
  if (!cells.ok()) return Fail(cells.status().message());
  absl::StatusOr<std::unique_ptr<Renderer>> renderer = MakeRenderer(options);
  if (!renderer.ok()) return Fail(renderer.status().message());

  // Before the client: gRPC's threads are to inherit the blocked signals.
  Interrupts interrupts;
  Client client(options.address);
  v1::CreateSandboxRequest request = options.create;
  // Enough for every cell to use up its timeout; the sandbox is destroyed at the end in any case.
  absl::Duration lifetime =
      options.timeout * static_cast<int64_t>(cells->size()) + absl::Minutes(5);
  *request.mutable_lifetime() = ToProto(std::min(lifetime, kMaxLifetime));
  std::unique_ptr<SandboxLease> lease;
  absl::Time start = absl::Now();
  grpc::Status status = SandboxLease::Create(client, request, &lease);
  if (!status.ok()) {
    std::cerr << client.Explain("create a sandbox", status);
    return kExitWarren;
  }
  absl::Status output = (*renderer)->OnSandbox(lease->sandbox(), absl::Now() - start);
  int exit_code = output.ok() ? RunCells(client, *lease, interrupts, **renderer, options, *cells)
                              : ExplainBrokenRun(client, interrupts, output, grpc::Status::OK);
  status = lease->Destroy();
  // NOT_FOUND: it is gone already, which is what was wanted.
  if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) {
    std::cerr << client.Explain("destroy the sandbox", status);
  }
  return exit_code;
}

void AddSourceOptions(CLI::App& command, ExecOptions& options) {
  // allow_extra_args(false): each -c takes one argument, and "[1, 2]" is code and not a list of
  // two.
  command.add_option("-c", options.codes, "Run this code")
      ->type_name("CODE")
      ->allow_extra_args(false);
  command.add_option("file", options.files, "Run this file; - for standard input")
      ->type_name("FILE");
  command.add_flag("--cells", options.split_cells,
                   "Split files at `# %%` markers (Jupytext's percent format) into cells");
}

void AddSandboxOptions(CLI::App& command, ExecOptions& options) {
  v1::CreateSandboxRequest& create = options.create;
  v1::Limits& limits = *create.mutable_limits();
  AddParsed<std::string>(
      command, "--template", "NAME",
      "Template of the sandbox; default: the server's, see `warren templates`",
      [](const std::string& text) { return absl::StatusOr<std::string>(text); },
      [&create](std::string name) { create.set_template_id(std::move(name)); });
  AddParsed<absl::Duration>(
      command, "--timeout", "TIME", "Bound on the wall-clock time of each cell; default: 60s",
      ParseDurationFlag, [&options](absl::Duration d) { options.timeout = d; });
  AddParsed<int64_t>(command, "--memory", "SIZE", "Memory of the sandbox, e.g. 512M", ParseBytes,
                     [&limits](int64_t bytes) { limits.set_memory_bytes(bytes); });
  AddParsed<int32_t>(command, "--cpus", "N", "Cores that it may use, e.g. 0.5", ParseCpuMillis,
                     [&limits](int32_t millis) { limits.set_cpu_millis(millis); });
  AddParsed<int64_t>(command, "--disk", "SIZE", "Size of its writable layer, e.g. 256M", ParseBytes,
                     [&limits](int64_t bytes) { limits.set_disk_bytes(bytes); });
  command
      .add_option_function<int32_t>(
          "--pids", [&limits](const int32_t& n) { limits.set_pids(n); },
          "Processes and threads that it may have")
      ->type_name("N");
}

void AddOutputOptions(CLI::App& command, ExecOptions& options) {
  command.add_flag("--json", options.json,
                   "Print one JSON object a line for each event; what it holds is said below");
  command.add_flag("--raw", options.raw,
                   "Pass control sequences of the code's output on to a terminal as they are");
  command.add_flag("--usage", options.usage,
                   "Say on standard error where the sandbox came from and what each cell used");
  command
      .add_option("--save-dir", options.save_dir,
                  "Write pictures, HTML and PDF displays to DIR/figure-N.EXT")
      ->type_name("DIR");
}

}  // namespace

void AddExecCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* command = app.add_subcommand("exec", "Run Python code in a sandbox of its own");
  AddSourceOptions(*command, *options);
  AddSandboxOptions(*command, *options);
  AddOutputOptions(*command, *options);
  AddAddressOption(*command, &options->address);
  command->footer(kFooter);
  command->callback([options, exit_code] { *exit_code = RunExec(*options); });
}

}  // namespace warren
