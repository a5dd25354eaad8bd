// `warren run` and `warren shell`: a program in a sandbox, as if it were here.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/chosen_sandbox.h"
#include "tools/warren/process/commands.h"
#include "tools/warren/process/session_options.h"
#include "tools/warren/report.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

// Of a sandbox of our own after its last use: where we vanish, nobody destroys it.
constexpr absl::Duration kOwnLifetime = absl::Minutes(5);

constexpr char kRunFooter[] =
    R"(Standard input is the command's with -i, and where it is no terminal. Ctrl-C signals
the command; the third one gives up on it. When this client goes, the command is killed, unless it was started with
--detach: then `warren attach --from-start` has all that it has said, or the newest mebibyte of it. With -t, ~. at the
beginning of a line leaves it, as in ssh, which kills it too.

A command keeps its sandbox from the end of its lifetime while a client is connected, and not by running on alone. For one
that is to stay: `warren create --lifetime 24h`, `warren extend`, or --on-expiry pause of both.

The exit code is the command's; 128 + N where signal N ended it, 124 timed out, 122 more output than allowed, 137 out of
memory, 125 Warren's own error.

With --json each line is an object with a "type": sandbox, started, stdout, stderr, terminal, missed, exited; with --detach
there is one, detached. Output is in "text"; where bytes of it are not UTF-8, U+FFFD stands for them there, and "base64"
beside it has the piece as it came.

Examples:
  warren run -- uname -a
  warren run --sandbox ID --user root -t -- bash
  tar c src | warren run --sandbox ID -- tar x
  warren run --sandbox ID --detach -- python3 server.py    # its sandbox still ends with its lifetime: see above
  warren run --sandbox ID -t --detach -- bash              # a shell to leave and come back to, by `warren attach`)";

constexpr char kShellFooter[] =
    R"(Without SANDBOX it has a sandbox of its own, gone at its end. The exit code is the shell's. ~. at the
beginning of a line leaves it, as in ssh, and it is killed. For one that goes on: `warren run --sandbox ID -t --detach -- bash`,
and `warren attach` as often as you like.)";

struct RunOptions {
  SessionOptions session;
  SandboxChoice sandbox;
  v1::StartProcessRequest request;
  bool interactive = false;
  bool terminal = false;
  bool detach = false;
};

bool IsTerminal(int fd) { return ::isatty(fd) == 1; }

ProcessSession::Ways WaysOf(const RunOptions& options) {
  ProcessSession::Ways ways;
  if (options.detach) {
    ways.attachment = ProcessSession::Ways::Attachment::kDetach;
    return ways;
  }
  bool typed = IsTerminal(STDIN_FILENO);
  if (options.interactive || options.terminal || !typed) {
    ways.input = ProcessSession::Ways::Input::kForward;
  }
  if (options.terminal && typed && !options.session.server.json) {
    ways.terminal = ProcessSession::Ways::Terminal::kRaw;
  }
  return ways;
}

v1::StartProcessRequest RequestOf(const RunOptions& options, const ProcessSession::Ways& ways) {
  v1::StartProcessRequest request = options.request;
  // With -i it stays open for who attaches later.
  request.set_no_input(ways.input == ProcessSession::Ways::Input::kNone && !options.terminal &&
                       !options.interactive);
  request.set_on_disconnect(options.detach ? v1::ON_DISCONNECT_CONTINUE : v1::ON_DISCONNECT_CANCEL);
  if (options.terminal) {
    *request.mutable_terminal() = TerminalSize(STDIN_FILENO);
    const char* kind = std::getenv("TERM");
    if (kind != nullptr) request.mutable_env()->insert({"TERM", kind});
  }
  return request;
}

int RunProcess(const RunOptions& options) {
  std::unique_ptr<ProcessRenderer> renderer = MakeProcessRenderer(options.session);
  // Before the client: gRPC's threads are to inherit the blocked signals.
  SessionSignals signals;
  Client client(options.session.server.address);
  SandboxChoice choice = options.sandbox;
  *choice.create.mutable_lifetime() = ToProto(kOwnLifetime);
  std::unique_ptr<ChosenSandbox> sandbox;
  grpc::Status status = ChosenSandbox::Choose(client, choice, &sandbox);
  if (!status.ok()) return FailCall(client, "create a sandbox", status);
  if (sandbox->created() != nullptr) {
    absl::Status output = renderer->OnSandbox(*sandbox->created());
    if (!output.ok()) return ReportSession(client, "", {.output = output});
  }
  ProcessSession::Ways ways = WaysOf(options);
  ProcessSession session(client, signals, *renderer, sandbox->id(), ways);
  ProcessSession::End end = session.Start(RequestOf(options, ways));
  int exit_code = ReportSession(client, "run the command", end);
  sandbox->Release();
  return exit_code;
}

// What a command and a shell have in common.
void AddProcessOptions(CLI::App& command, RunOptions* options) {
  v1::StartProcessRequest* request = &options->request;
  AddText(command, "--user", "user|root", "Who it runs as; default: the sandbox's profile",
          request->mutable_user());
  AddEntries(command, "--env", "Environment variable, over those of the sandbox",
             request->mutable_env());
  AddText(command, "--cwd", "PATH", "Where it starts; default: /home/user",
          request->mutable_working_directory());
}

}  // namespace

void AddRunCommand(CLI::App& app, const std::vector<std::string>* operands, int* exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand(
      "run", "Run a command in a sandbox: warren run [OPTIONS] -- COMMAND [ARGUMENT...]");
  CLI::Option* named = AddSandboxOption(*command, &options->sandbox.sandbox_id);
  AddProcessOptions(*command, options.get());
  v1::StartProcessRequest* request = &options->request;
  AddParsed<absl::Duration>(
      *command, "--timeout", "TIME",
      "Kill it after so long; default: no bound but the sandbox's life", ParseDurationFlag,
      [request](absl::Duration d) { *request->mutable_timeout() = ToProto(d); });
  AddParsed<int64_t>(*command, "--max-output", "SIZE", "Kill it after so much output", ParseBytes,
                     [request](int64_t bytes) { request->set_max_output_bytes(bytes); });
  command->add_flag("-i,--interactive", options->interactive,
                    "Standard input is the command's, though it is a terminal");
  command->add_flag("-t,--tty", options->terminal, "Give it a terminal, which ours becomes");
  command
      ->add_flag("--detach", options->detach,
                 "Print the process's id and leave it running, for `warren attach`")
      ->needs(named);
  AddText(*command, "--request-id", "ID",
          "The same command sent again with this id connects to the first's process",
          request->mutable_request_id())
      ->needs(named);
  AddOwnSandboxOptions(*command, named, &options->sandbox);
  AddSessionOptions(*command, &options->session);
  command->footer(kRunFooter);
  command->callback([options, operands, exit_code] {
    if (operands->empty()) throw CLI::RequiredError("-- COMMAND [ARGUMENT...]");
    options->request.mutable_arguments()->Add(operands->begin(), operands->end());
    *exit_code = RunProcess(*options);
  });
}

void AddShellCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<RunOptions>();
  auto shell = std::make_shared<std::string>("bash");
  CLI::App* command = app.add_subcommand("shell", "Open a shell in a sandbox");
  CLI::Option* named =
      command
          ->add_option("sandbox", options->sandbox.sandbox_id,
                       "The sandbox, as `warren ps` lists it; default: one of its own")
          ->type_name(kSandboxType);
  AddProcessOptions(*command, options.get());
  command->add_option("--shell", *shell, "The shell")->type_name("PROGRAM")->capture_default_str();
  AddOwnSandboxOptions(*command, named, &options->sandbox);
  AddSessionOptions(*command, &options->session);
  command->footer(kShellFooter);
  command->callback([options, shell, exit_code] {
    options->request.add_arguments(*shell);
    options->interactive = true;
    // Without a terminal of ours it reads commands, as any shell.
    options->terminal = IsTerminal(STDIN_FILENO);
    *exit_code = RunProcess(*options);
  });
}

}  // namespace warren
