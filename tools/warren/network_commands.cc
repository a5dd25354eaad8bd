// `warren network show`, `set` and `watch`: what a sandbox may reach, and what it does reach.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tools/warren/commands.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/interrupts.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/network_text.h"
#include "tools/warren/output.h"
#include "tools/warren/report.h"
#include "tools/warren/sandbox_flags.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

constexpr char kSetFooter[] =
    R"(What the options say takes the place of the policy that was there: `--network none` alone closes everything.
Connections that it does not allow are cut.)";
constexpr char kWatchFooter[] =
    R"(A line for each connection when it ends, and for each that is denied, from now on until the sandbox ends: time, verdict,
name and port, address, bytes, reason.)";

template <typename Request>
struct NetworkOptions {
  ServerOptions server;
  Request request;
};

void PrintPolicy(const v1::NetworkPolicy& policy) {
  PrintFacts(NetworkFacts(policy));
  // As they are decided: a deny rule wins.
  Table table({"RULE", "HOST", "PORTS"});
  for (const auto& rule : policy.deny())
    table.AddRow({"deny", Safe(rule.host()), FormatPorts(rule)});
  for (const auto& rule : policy.allow())
    table.AddRow({"allow", Safe(rule.host()), FormatPorts(rule)});
  if (!policy.deny().empty() || !policy.allow().empty()) std::cout << "\n" << table.Render();
  if (policy.allow().empty()) std::cout << "\nNothing is allowed.\n";
}

int RunShow(const NetworkOptions<v1::GetEnvironmentRequest>& options) {
  Client client(options.server.address);
  v1::Environment environment;
  grpc::Status status =
      CallUnary(client.environments(), &v1::EnvironmentService::Stub::GetEnvironment,
                options.request, &environment);
  if (!status.ok()) return FailCall(client, "look at the network", status);
  if (options.server.json) return PrintJson(environment.network());
  PrintPolicy(environment.network());
  return 0;
}

int RunSet(const NetworkOptions<v1::SetSandboxNetworkRequest>& options) {
  Client client(options.server.address);
  v1::Sandbox sandbox;
  grpc::Status status = CallUnary(client.sandboxes(), &v1::SandboxService::Stub::SetSandboxNetwork,
                                  options.request, &sandbox);
  if (!status.ok()) return FailCall(client, "set the network", status);
  if (options.server.json) return PrintJson(sandbox);
  std::cout << Safe(sandbox.sandbox_id()) << "\n";
  return 0;
}

int RunWatch(const NetworkOptions<v1::WatchSandboxNetworkRequest>& options) {
  Interrupts interrupts;
  Client client(options.server.address);
  grpc::ClientContext context;
  Interrupts::Scope scope(interrupts, context);
  Output output = Output::ForFd(STDOUT_FILENO);
  auto stream = client.sandboxes().WatchSandboxNetwork(&context, options.request);
  absl::Status written;
  v1::NetworkEvent event;
  while (written.ok() && stream->Read(&event)) {
    written = output.Write(options.server.json ? JsonLine(NetworkEventObject(event))
                                               : absl::StrCat(NetworkEventLine(event), "\n"));
  }
  if (!written.ok()) context.TryCancel();
  grpc::Status status = stream->Finish();
  if (interrupts.signal() != 0) return 128 + interrupts.signal();
  // Who reads no more knows that.
  if (!written.ok()) return kExitBrokenPipe;
  if (!status.ok()) return FailCall(client, "watch the network", status);
  return 0;
}

template <typename Request>
std::pair<CLI::App*, std::shared_ptr<NetworkOptions<Request>>> AddNetworkCommand(
    CLI::App& group, const char* name, const char* description) {
  auto options = std::make_shared<NetworkOptions<Request>>();
  CLI::App* command = group.add_subcommand(name, description);
  AddSandboxOperand(*command, options->request.mutable_sandbox_id());
  AddServerOptions(*command, &options->server);
  return {command, options};
}

}  // namespace

void AddNetworkCommands(CLI::App& app, int* exit_code) {
  CLI::App* group =
      app.add_subcommand("network", "Show, set and watch what a sandbox reaches outside");
  group->require_subcommand(1);
  auto [show, show_options] = AddNetworkCommand<v1::GetEnvironmentRequest>(
      *group, "show", "Show the network policy in force, its preset's rules among it");
  show->callback([options = show_options, exit_code] { *exit_code = RunShow(*options); });
  auto [set, set_options] = AddNetworkCommand<v1::SetSandboxNetworkRequest>(
      *group, "set", "Give a sandbox another network policy");
  AddNetworkOptions(*set, [options = set_options] { return options->request.mutable_network(); });
  set->footer(kSetFooter);
  set->callback([options = set_options, exit_code] {
    if (!options->request.has_network()) throw CLI::RequiredError("--network, --allow or --deny");
    *exit_code = RunSet(*options);
  });
  auto [watch, watch_options] = AddNetworkCommand<v1::WatchSandboxNetworkRequest>(
      *group, "watch", "Print what a sandbox connects to, as it happens");
  watch->footer(kWatchFooter);
  watch->callback([options = watch_options, exit_code] { *exit_code = RunWatch(*options); });
}

}  // namespace warren
