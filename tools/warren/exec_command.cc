// `warren exec`: a sandbox for the time of a few cells.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"
#include "tools/warren/cells.h"
#include "tools/warren/chosen_sandbox.h"
#include "tools/warren/code_run.h"
#include "tools/warren/commands.h"
#include "tools/warren/flags.h"
#include "tools/warren/report.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

constexpr size_t kMaxCellBytes = 1 << 20;
constexpr size_t kMaxScriptBytes = 64 << 20;
constexpr size_t kMaxInputBytes = 2 << 20;
constexpr absl::Duration kMaxLifetime = absl::Hours(24);

constexpr char kExecHead[] =
    R"(Each -c and then each FILE is one cell of the same context, which speaks Python unless --context names another; the
first cell that does not run to its end is the last. Without either, standard input is the cell.)";

constexpr char kExecExamples[] = R"(Examples:
  warren exec -c 'import pandas as pd; pd.DataFrame({"a": [1, 2]}).describe()'
  warren exec --save-dir out analysis.py
  warren exec --in sales.csv --out '*.png' report.py
  warren exec --template base -c 'import platform; platform.python_version()'
  warren exec --sandbox ID --detach -c 'train()'     # prints the execution's id, for `warren connect`
  echo 'print(6 * 7)' | warren exec)";

struct ExecOptions {
  ServerAddress address;
  std::vector<std::string> codes;
  std::vector<std::string> files;
  bool split_cells = false;
  // Of this machine, with the paths in the sandbox.
  std::vector<std::pair<std::string, std::string>> input_files;
  SandboxChoice sandbox;
  // What every cell is asked for with.
  v1::ExecuteCodeRequest request;
  absl::Duration timeout = absl::Seconds(60);
  bool detach = false;
  CodeOutputOptions output;
};

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

absl::StatusOr<google::protobuf::RepeatedPtrField<v1::InputFile>> ReadInputFiles(
    const ExecOptions& options) {
  google::protobuf::RepeatedPtrField<v1::InputFile> files;
  for (const auto& [local, path] : options.input_files) {
    WARREN_ASSIGN_OR_RETURN(std::string data, ReadFile(local, kMaxInputBytes));
    files.Add()->set_path(path);
    files.rbegin()->set_data(std::move(data));
  }
  return files;
}

int RunCells(Client& client, const ChosenSandbox& sandbox, Interrupts& interrupts,
             Renderer& renderer, const ExecOptions& options,
             const std::vector<std::string>& cells) {
  v1::ExecuteCodeRequest request = options.request;
  request.set_sandbox_id(sandbox.id());
  *request.mutable_timeout() = ToProto(options.timeout);
  if (options.detach) request.set_on_disconnect(v1::ON_DISCONNECT_CONTINUE);
  absl::Duration bound =
      sandbox.created() == nullptr ? absl::InfiniteDuration() : options.timeout + kRunSlack;
  int number = 0;
  CodeRunEnd end;
  for (const std::string& code : cells) {
    request.set_code(code);
    end = ShowRun(client, interrupts, renderer, ++number,
                  options.detach ? Attachment::kDetach : Attachment::kFollow,
                  [&](const EventHandler& on_event) {
                    return ExecuteCode(client, request, bound, interrupts, on_event);
                  });
    if (!end.goes_on) break;
    // They are there now, unless the code has changed them.
    request.clear_input_files();
  }
  return end.exit_code;
}

int RunExec(ExecOptions& options) {
  absl::StatusOr<std::vector<std::string>> cells = CollectCells(options);
  if (!cells.ok()) return Fail(cells.status().message());
  auto inputs = ReadInputFiles(options);
  if (!inputs.ok()) return Fail(inputs.status().message());
  *options.request.mutable_input_files() = *std::move(inputs);
  if (cells->size() > 1) {
    if (options.detach) return Fail("--detach takes one cell");
    if (!options.request.request_id().empty()) return Fail("--request-id takes one cell");
  }
  absl::StatusOr<std::unique_ptr<Renderer>> renderer = MakeRenderer(options.output);
  if (!renderer.ok()) return Fail(renderer.status().message());

  // Before the client: gRPC's threads are to inherit the blocked signals.
  Interrupts interrupts;
  Client client(options.address);
  SandboxChoice choice = options.sandbox;
  // Enough for every cell to use up its timeout; the sandbox is destroyed at the end in any case.
  absl::Duration lifetime =
      options.timeout * static_cast<int64_t>(cells->size()) + absl::Minutes(5);
  *choice.create.mutable_lifetime() = ToProto(std::min(lifetime, kMaxLifetime));
  std::unique_ptr<ChosenSandbox> sandbox;
  absl::Time start = absl::Now();
  grpc::Status status = ChosenSandbox::Choose(client, choice, &sandbox);
  if (!status.ok()) return FailCall(client, "create a sandbox", status);
  absl::Status output;
  if (sandbox->created() != nullptr) {
    output = (*renderer)->OnSandbox(*sandbox->created(), absl::Now() - start);
  }
  int exit_code = output.ok() ? RunCells(client, *sandbox, interrupts, **renderer, options, *cells)
                              : ExplainBrokenRun(client, interrupts, output, grpc::Status::OK);
  sandbox->Release();
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

// "data/a.csv" and "data/a.csv:b.csv".
std::pair<std::string, std::string> ParseInputFile(const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::string local = text.substr(0, colon);
  const std::string path =
      colon == std::string::npos ? local.substr(local.rfind('/') + 1) : text.substr(colon + 1);
  if (local.empty() || path.empty() || !IsValidUtf8(path))
    throw CLI::ValidationError("--in", absl::StrCat("\"", text, "\" is not FILE or FILE:PATH"));
  return {local, path};
}

void AddFileOptions(CLI::App& command, ExecOptions& options) {
  command
      .add_option_function<std::vector<std::string>>(
          "--in",
          [&options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts)
              options.input_files.push_back(ParseInputFile(text));
          },
          "Write this file before the first cell, as PATH (default: its name) from the working "
          "directory; at most 64, and 2 MiB together: `warren cp` takes more")
      ->type_name("FILE[:PATH]")
      ->allow_extra_args(false);
  command
      .add_option_function<std::vector<std::string>>(
          "--out",
          [&options](const std::vector<std::string>& patterns) {
            for (const std::string& pattern : patterns) options.request.add_output_files(pattern);
          },
          "Say after each cell which files match (`*`, `?`, `[...]`, `**`), with size and SHA-256; "
          "at most 16")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

void AddRunOptions(CLI::App& command, ExecOptions& options) {
  CLI::Option* named = AddSandboxOption(command, &options.sandbox.sandbox_id);
  AddText(command, "--context", "CONTEXT", "Run it in this context; default: the sandbox's first",
          options.request.mutable_context_id())
      ->needs(named);
  command
      .add_flag("--detach", options.detach,
                "Print the execution's id and leave it running, for `warren connect`")
      ->needs(named);
  AddText(command, "--request-id", "ID",
          "The same code sent again with this id goes on with the first's execution",
          options.request.mutable_request_id())
      ->needs(named);
  AddEntries(command, "--env", "Environment variable for these cells",
             options.request.mutable_env());
  AddParsed<absl::Duration>(
      command, "--timeout", "TIME", "Bound on the wall-clock time of each cell; default: 60s",
      ParseDurationFlag, [&options](absl::Duration d) { options.timeout = d; });
  AddParsed<int64_t>(command, "--max-output", "SIZE",
                     "Bound on what each cell prints and displays; default: the sandbox's limit",
                     ParseBytes,
                     [&options](int64_t bytes) { options.request.set_max_output_bytes(bytes); });
  AddOwnSandboxOptions(command, named, &options.sandbox);
}

}  // namespace

void AddExecCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* command =
      app.add_subcommand("exec", "Run cells of code, in a sandbox of its own or one that there is");
  AddSourceOptions(*command, *options);
  AddRunOptions(*command, *options);
  AddFileOptions(*command, *options);
  AddCodeOutputOptions(*command, &options->output);
  AddAddressOptions(*command, &options->address);
  command->footer(absl::StrCat(kExecHead, "\n\n", kCodeRunFooter, "\n\n", kExecExamples));
  command->callback([options, exit_code] { *exit_code = RunExec(*options); });
}

}  // namespace warren
