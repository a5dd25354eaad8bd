// `warren script` and `warren connect`: runs of code that are no cell of ours.
#include <unistd.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/chosen_sandbox.h"
#include "tools/warren/code_run.h"
#include "tools/warren/commands.h"
#include "tools/warren/report.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

constexpr size_t kMaxSourceBytes = 1 << 20;

constexpr char kScriptHead[] =
    R"(What follows `--` are the script's arguments. Standard input that is no terminal is the script's, at most 1 MiB of it.)";

constexpr char kScriptExamples[] = R"(Examples:
  warren script report.py -- --month 11
  warren script --sandbox ID --path /home/user/job.sh
  warren script --sandbox ID --detach train.py       # prints the execution's id, for `warren connect`)";

struct ScriptOptions {
  ServerAddress address;
  std::string file;
  SandboxChoice sandbox;
  v1::RunScriptRequest request;
  bool detach = false;
  CodeOutputOptions output;
};

absl::Status FillIn(const ScriptOptions& options, const std::vector<std::string>& arguments,
                    v1::RunScriptRequest* request) {
  if (!options.file.empty()) {
    bool standard_input = options.file == "-";
    WARREN_ASSIGN_OR_RETURN(
        *request->mutable_source(),
        ReadFile(standard_input ? "/dev/stdin" : options.file, kMaxSourceBytes));
    // By the end of the name, as the server does for a path of its own.
    if (request->language().empty()) {
      if (absl::EndsWith(options.file, ".sh")) request->set_language("bash");
      if (absl::EndsWith(options.file, ".js")) request->set_language("javascript");
    }
  }
  if (options.file != "-" && ::isatty(STDIN_FILENO) != 1) {
    WARREN_ASSIGN_OR_RETURN(*request->mutable_standard_input(),
                            ReadAll(STDIN_FILENO, kMaxSourceBytes));
  }
  request->mutable_arguments()->Add(arguments.begin(), arguments.end());
  return absl::OkStatus();
}

int RunScriptCommand(const ScriptOptions& options, const std::vector<std::string>& arguments) {
  v1::RunScriptRequest request = options.request;
  absl::Status filled = FillIn(options, arguments, &request);
  if (!filled.ok()) return Fail(filled.message());
  absl::StatusOr<std::unique_ptr<Renderer>> renderer = MakeRenderer(options.output);
  if (!renderer.ok()) return Fail(renderer.status().message());
  Interrupts interrupts;
  Client client(options.address);
  std::unique_ptr<ChosenSandbox> sandbox;
  absl::Time start = absl::Now();
  grpc::Status status = ChosenSandbox::Choose(client, options.sandbox, &sandbox);
  if (!status.ok()) return FailCall(client, "create a sandbox", status);
  absl::Status output;
  if (sandbox->created() != nullptr) {
    output = (*renderer)->OnSandbox(*sandbox->created(), absl::Now() - start);
  }
  request.set_sandbox_id(sandbox->id());
  if (options.detach) request.set_on_disconnect(v1::ON_DISCONNECT_CONTINUE);
  int exit_code = output.ok() ? ShowRun(client, interrupts, **renderer, 1,
                                        options.detach ? Attachment::kDetach : Attachment::kFollow,
                                        [&](const EventHandler& on_event) {
                                          return RunScript(client, request, interrupts, on_event);
                                        })
                                    .exit_code
                              : ExplainBrokenRun(client, interrupts, output, grpc::Status::OK);
  sandbox->Release();
  return exit_code;
}

void AddScriptBounds(CLI::App& command, v1::RunScriptRequest* request) {
  AddParsed<absl::Duration>(
      command, "--timeout", "TIME", "Bound on its wall-clock time; default: 60s", ParseDurationFlag,
      [request](absl::Duration d) { *request->mutable_timeout() = ToProto(d); });
  AddParsed<int64_t>(command, "--max-output", "SIZE",
                     "Kill it after so much output; default: the sandbox's limit", ParseBytes,
                     [request](int64_t bytes) { request->set_max_output_bytes(bytes); });
}

struct ConnectOptions {
  ServerAddress address;
  v1::ConnectExecutionRequest request;
  CodeOutputOptions output;
};

int RunConnect(const ConnectOptions& options) {
  absl::StatusOr<std::unique_ptr<Renderer>> renderer = MakeRenderer(options.output);
  if (!renderer.ok()) return Fail(renderer.status().message());
  Interrupts interrupts;
  Client client(options.address);
  return ShowRun(client, interrupts, **renderer, 1, Attachment::kFollow,
                 [&](const EventHandler& on_event) {
                   return ConnectExecution(client, options.request, interrupts, on_event);
                 })
      .exit_code;
}

}  // namespace

void AddScriptCommand(CLI::App& app, const std::vector<std::string>* operands, int* exit_code) {
  auto options = std::make_shared<ScriptOptions>();
  CLI::App* command = app.add_subcommand(
      "script", "Run a script in a process of its own: a file of ours, or of a sandbox");
  v1::RunScriptRequest* request = &options->request;
  CLI::Option* file =
      command->add_option("file", options->file, "File to run; - for standard input")
          ->type_name("FILE");
  CLI::Option* named = AddSandboxOption(*command, &options->sandbox.sandbox_id);
  command
      ->add_option_function<std::string>(
          "--path", [request](const std::string& path) { request->set_path(path); },
          "Run this file of the sandbox instead")
      ->type_name("PATH")
      ->needs(named)
      ->excludes(file);
  AddText(*command, "--language", "NAME", "python, bash; default: by the end of the file's name",
          request->mutable_language());
  command
      ->add_flag("--detach", options->detach,
                 "Print the execution's id and leave it running, for `warren connect`")
      ->needs(named);
  AddText(*command, "--request-id", "ID",
          "The same script sent again with this id goes on with the first's execution",
          request->mutable_request_id())
      ->needs(named);
  AddScriptBounds(*command, request);
  AddEntries(*command, "--env", "Environment variable of the script", request->mutable_env());
  AddText(*command, "--cwd", "PATH", "Where it starts; default: /home/user",
          request->mutable_working_directory());
  AddText(*command, "--user", "user|root", "Who it runs as; default: the sandbox's profile",
          request->mutable_user());
  AddOwnSandboxOptions(*command, named, &options->sandbox);
  AddCodeOutputOptions(*command, &options->output);
  AddAddressOptions(*command, &options->address);
  command->footer(absl::StrCat(kScriptHead, "\n\n", kCodeRunFooter, "\n\n", kScriptExamples));
  command->callback([options, operands, exit_code] {
    if (options->file.empty() &&
        options->request.script_case() == v1::RunScriptRequest::SCRIPT_NOT_SET) {
      throw CLI::RequiredError("FILE or --path");
    }
    *exit_code = RunScriptCommand(*options, *operands);
  });
}

void AddConnectCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ConnectOptions>();
  CLI::App* command = app.add_subcommand(
      "connect",
      "Go on with an execution whose client has gone: what it said since, and what comes");
  AddSandboxOperand(*command, options->request.mutable_sandbox_id());
  AddText(*command, "execution", "EXECUTION", "As --detach of `exec` or `script` printed it",
          options->request.mutable_execution_id())
      ->required();
  command
      ->add_option_function<int64_t>(
          "--after", [options](const int64_t& n) { options->request.set_after_sequence(n); },
          "Only events after this one (`sequence` of --json)")
      ->type_name("N");
  AddCodeOutputOptions(*command, &options->output);
  AddAddressOptions(*command, &options->address);
  command->footer(kCodeRunFooter);
  command->callback([options, exit_code] { *exit_code = RunConnect(*options); });
}

}  // namespace warren
