// `warren context ...`: the interpreters of a sandbox.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/warren/commands.h"
#include "tools/warren/flags.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/report.h"
#include "tools/warren/sandbox_lease.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

using ContextStub = v1::ContextService::Stub;

template <typename Request>
struct ContextOptions {
  ServerOptions server;
  Request request;
};

int PrintContext(const ServerOptions& options, const v1::Context& context) {
  if (options.json) return PrintJson(context);
  std::cout << Safe(context.context_id()) << "\n";
  return 0;
}

// A context is there when it has imported its libraries: as long as a sandbox's first may take.
template <typename Request, typename Method>
int RunContextCall(const ContextOptions<Request>& options, Method method, const char* what) {
  Client client(options.server.address);
  grpc::ClientContext call;
  SetDeadline(call, kCreateTimeout);
  v1::Context context;
  grpc::Status status = (client.contexts().*method)(&call, options.request, &context);
  if (!status.ok()) return FailCall(client, what, status);
  return PrintContext(options.server, context);
}

int RunContextList(const ContextOptions<v1::ListContextsRequest>& options) {
  Client client(options.server.address);
  v1::ListContextsResponse response;
  grpc::Status status =
      CallUnary(client.contexts(), &ContextStub::ListContexts, options.request, &response);
  if (!status.ok()) return FailCall(client, "list the contexts", status);
  if (options.server.json) return PrintJson(response);
  Table table({"CONTEXT", "LANGUAGE", "STATE", "AGE", "CELLS", "DIRECTORY", "REASON"});
  for (const v1::Context& context : response.contexts()) {
    table.AddRow({Safe(context.context_id()), Safe(context.language()),
                  context.alive() ? "alive" : "ended",
                  FormatSpan(absl::Now() - ToAbslTime(context.created_at())),
                  absl::StrCat(context.execution_count()), Safe(context.working_directory()),
                  Safe(context.reason())});
  }
  std::cout << table.Render();
  return 0;
}

// A call whose answer is empty: prints the context that it was about.
template <typename Stub, typename Request, typename Response>
int RunEmptyCall(const ContextOptions<Request>& options, Stub& (Client::*stub)(),
                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 const char* what) {
  Client client(options.server.address);
  Response response;
  grpc::Status status = CallUnary((client.*stub)(), method, options.request, &response);
  if (!status.ok()) return FailCall(client, what, status);
  if (options.server.json) {
    std::cout << JsonLine({{"sandbox_id", options.request.sandbox_id()},
                           {"context_id", options.request.context_id()}});
  }
  return 0;
}

template <typename Request>
std::pair<CLI::App*, std::shared_ptr<ContextOptions<Request>>> AddContextCommand(
    CLI::App& group, const char* name, const char* description) {
  auto options = std::make_shared<ContextOptions<Request>>();
  CLI::App* command = group.add_subcommand(name, description);
  AddSandboxOperand(*command, options->request.mutable_sandbox_id());
  AddServerOptions(*command, &options->server);
  return {command, options};
}

template <typename Request>
CLI::Option* AddContextOperand(CLI::App& command, Request* request) {
  return AddText(command, "context", "CONTEXT", "The context, as `warren context list` lists it",
                 request->mutable_context_id());
}

void AddContextCreate(CLI::App& group, int* exit_code) {
  auto [command, options] = AddContextCommand<v1::CreateContextRequest>(
      group, "create", "Make a further context and print its id");
  v1::CreateContextRequest* request = &options->request;
  AddText(*command, "--language", "NAME", "Its language, e.g. python, bash; default: python",
          request->mutable_language());
  AddText(*command, "--cwd", "PATH", "Where it starts; default: /home/user",
          request->mutable_working_directory());
  AddEntries(*command, "--env", "Environment variable, over those of the sandbox",
             request->mutable_env());
  AddText(*command, "--request-id", "ID",
          "The same request sent again with this id gets the context of the first",
          request->mutable_request_id());
  command->callback([options = options, exit_code] {
    *exit_code = RunContextCall(*options, &ContextStub::CreateContext, "make a context");
  });
}

}  // namespace

void AddContextCommands(CLI::App& app, int* exit_code) {
  CLI::App* group = app.add_subcommand("context", "The interpreters of a sandbox");
  group->require_subcommand(1);
  AddContextCreate(*group, exit_code);
  auto [list, list_options] =
      AddContextCommand<v1::ListContextsRequest>(*group, "list", "List a sandbox's contexts");
  list->callback([options = list_options, exit_code] { *exit_code = RunContextList(*options); });
  auto [restart, restart_options] = AddContextCommand<v1::RestartContextRequest>(
      *group, "restart", "Put a fresh interpreter in a context's place");
  AddContextOperand(*restart, &restart_options->request)->required();
  restart->callback([options = restart_options, exit_code] {
    *exit_code = RunContextCall(*options, &ContextStub::RestartContext, "restart the context");
  });
  auto [interrupt, interrupt_options] = AddContextCommand<v1::InterruptExecutionRequest>(
      *group, "interrupt", "Interrupt what runs in a context, as Ctrl-C does");
  AddContextOperand(*interrupt, &interrupt_options->request)
      ->description("The context; default: the sandbox's first");
  interrupt->callback([options = interrupt_options, exit_code] {
    *exit_code =
        RunEmptyCall(*options, &Client::executions, &v1::ExecutionService::Stub::InterruptExecution,
                     "interrupt the context");
  });
  auto [remove, remove_options] =
      AddContextCommand<v1::DeleteContextRequest>(*group, "delete", "End a context");
  AddContextOperand(*remove, &remove_options->request)->required();
  remove->callback([options = remove_options, exit_code] {
    *exit_code = RunEmptyCall(*options, &Client::contexts, &ContextStub::DeleteContext,
                              "delete the context");
  });
}

}  // namespace warren
