// `warren processes`, `warren signal` and `warren attach`: processes that were started before.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/process/commands.h"
#include "tools/warren/process/process_text.h"
#include "tools/warren/process/session_options.h"
#include "tools/warren/process/signal_names.h"
#include "tools/warren/report.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

using ProcessStub = v1::ProcessService::Stub;

constexpr char kAttachFooter[] =
    R"(Of a process with a terminal, ours becomes its own, and ~. at the beginning of a line leaves it, as in ssh. Of one
without, Ctrl-C leaves it (`warren signal` signals it), and standard input is its own with -i, or where it is no
terminal. A process that is left goes on, unless it was started to end with its client.)";

struct ProcessesOptions {
  ServerOptions server;
  v1::ListProcessesRequest request;
};
struct SignalOptions {
  ServerOptions server;
  v1::SignalProcessRequest request;
};
struct AttachOptions {
  SessionOptions session;
  std::string sandbox_id;
  v1::ConnectProcessRequest request;
  bool interactive = false;
};

int RunProcesses(const ProcessesOptions& options) {
  Client client(options.server.address);
  v1::ListProcessesResponse response;
  grpc::Status status =
      CallUnary(client.processes(), &ProcessStub::ListProcesses, options.request, &response);
  if (!status.ok()) return FailCall(client, "list the processes", status);
  if (options.server.json) return PrintJson(response);
  Table table({"PROCESS", "PID", "USER", "STATE", "AGE", "TTY", "CLIENTS", "COMMAND"});
  for (const v1::Process& process : response.processes()) {
    table.AddRow({Safe(process.process_id()), absl::StrCat(process.pid()), Safe(process.user()),
                  ProcessState(process), FormatSpan(absl::Now() - ToAbslTime(process.started_at())),
                  process.has_terminal() ? "yes" : "no", absl::StrCat(process.clients()),
                  CommandText(process)});
  }
  std::cout << table.Render();
  return 0;
}

int RunSignal(const SignalOptions& options) {
  Client client(options.server.address);
  v1::SignalProcessResponse response;
  grpc::Status status =
      CallUnary(client.processes(), &ProcessStub::SignalProcess, options.request, &response);
  if (!status.ok()) return FailCall(client, "signal the process", status);
  if (options.server.json) {
    std::cout << JsonLine({{"sandbox_id", options.request.sandbox_id()},
                           {"process_id", options.request.process_id()},
                           {"signal", options.request.signal()}});
  }
  return 0;
}

// Whether the process has a terminal is what the way to it depends on.
grpc::Status FindProcess(Client& client, const AttachOptions& options, v1::Process* found) {
  v1::ListProcessesRequest request;
  request.set_sandbox_id(options.sandbox_id);
  v1::ListProcessesResponse response;
  grpc::Status status =
      CallUnary(client.processes(), &ProcessStub::ListProcesses, request, &response);
  if (!status.ok()) return status;
  for (const v1::Process& process : response.processes()) {
    if (process.process_id() == options.request.process_id()) {
      *found = process;
      return grpc::Status::OK;
    }
  }
  return {grpc::StatusCode::NOT_FOUND,
          absl::StrCat("no process ", options.request.process_id(), " in sandbox ",
                       options.sandbox_id, ": `warren processes` lists those that there are")};
}

int RunAttach(const AttachOptions& options) {
  std::unique_ptr<ProcessRenderer> renderer = MakeProcessRenderer(options.session);
  SessionSignals signals;
  Client client(options.session.server.address);
  v1::Process process;
  grpc::Status status = FindProcess(client, options, &process);
  if (!status.ok()) return FailCall(client, "attach to the process", status);
  ProcessSession::Ways ways;
  ways.interrupt = ProcessSession::Ways::Interrupt::kLeave;
  bool typed = ::isatty(STDIN_FILENO) == 1;
  bool running = !process.has_termination();
  bool raw = process.has_terminal() && typed && running && !options.session.server.json;
  if (raw) ways.terminal = ProcessSession::Ways::Terminal::kRaw;
  if (raw || options.interactive || !typed) ways.input = ProcessSession::Ways::Input::kForward;
  ProcessSession session(client, signals, *renderer, options.sandbox_id, ways);
  return ReportSession(client, "attach to the process", session.Connect(options.request));
}

CLI::Option* AddProcessOperand(CLI::App& command, std::string* process_id) {
  return AddText(command, "process", "PROCESS", "The process, as `warren processes` lists it",
                 process_id)
      ->required();
}

}  // namespace

void AddProcessCommands(CLI::App& app, int* exit_code) {
  auto list_options = std::make_shared<ProcessesOptions>();
  CLI::App* list = app.add_subcommand("processes", "List the processes of a sandbox");
  AddSandboxOperand(*list, list_options->request.mutable_sandbox_id());
  AddServerOptions(*list, &list_options->server);
  list->callback([options = list_options, exit_code] { *exit_code = RunProcesses(*options); });

  auto signal_options = std::make_shared<SignalOptions>();
  CLI::App* signal = app.add_subcommand("signal", "Send a signal to a process of a sandbox");
  v1::SignalProcessRequest* request = &signal_options->request;
  AddSandboxOperand(*signal, request->mutable_sandbox_id());
  AddProcessOperand(*signal, request->mutable_process_id());
  AddParsed<int>(*signal, "signal", SignalChoices(),
                 "Its name or number; KILL ends all that it started", ParseSignal,
                 [request](int number) { request->set_signal(number); })
      ->required();
  AddServerOptions(*signal, &signal_options->server);
  signal->callback([options = signal_options, exit_code] { *exit_code = RunSignal(*options); });

  auto attach_options = std::make_shared<AttachOptions>();
  CLI::App* attach =
      app.add_subcommand("attach", "Go on with a process: what it said since, and what comes");
  AddSandboxOperand(*attach, &attach_options->sandbox_id);
  AddProcessOperand(*attach, attach_options->request.mutable_process_id());
  attach->add_flag("-i,--interactive", attach_options->interactive,
                   "Standard input is the process's, though it is a terminal");
  attach->add_flag_callback(
      "--from-start", [request = &attach_options->request] { request->set_after_output_bytes(0); },
      "All that is kept of what it has said, and not only what came since its last client went");
  AddSessionOptions(*attach, &attach_options->session);
  attach->footer(kAttachFooter);
  attach->callback([options = attach_options, exit_code] { *exit_code = RunAttach(*options); });
}

}  // namespace warren
