// `warren create`, `pause`, `resume`, `extend`, `limits` and `metrics`: the life of one sandbox.
#include <iostream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/commands.h"
#include "tools/warren/executions.h"
#include "tools/warren/facts.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/metrics.h"
#include "tools/warren/report.h"
#include "tools/warren/sandbox_flags.h"
#include "tools/warren/sandbox_lease.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

template <typename Request>
struct SandboxOptions {
  ServerOptions server;
  Request request;
};

std::string StateOf(const v1::Sandbox& sandbox) {
  return absl::AsciiStrToLower(v1::Sandbox::State_Name(sandbox.state()));
}

int PrintSandbox(const ServerOptions& options, const v1::Sandbox& sandbox) {
  if (options.json) return PrintJson(sandbox);
  absl::Duration left = ToAbslTime(sandbox.expires_at()) - absl::Now();
  PrintFacts(
      {{"sandbox", Safe(sandbox.sandbox_id())},
       {"state", StateOf(sandbox)},
       {"lifetime", absl::FormatDuration(ToDuration(sandbox.lifetime()))},
       {"counted from", sandbox.lifetime_from() == v1::LIFETIME_FROM_CREATION ? "creation" : "use"},
       {"at its end", sandbox.on_expiry() == v1::ON_EXPIRY_PAUSE ? "pause" : "kill"},
       {"ends in", FormatSpan(std::max(left, absl::ZeroDuration()))}});
  return 0;
}

int PrintLimits(const ServerOptions& options, const v1::Sandbox& sandbox) {
  if (options.json) return PrintJson(sandbox);
  PrintFacts(LimitFacts(sandbox.limits()));
  return 0;
}

int RunCreate(const SandboxOptions<v1::CreateSandboxRequest>& options) {
  Client client(options.server.address);
  std::unique_ptr<SandboxLease> lease;
  grpc::Status status = SandboxLease::Create(client, options.request, &lease);
  if (!status.ok()) return FailCall(client, "create a sandbox", status);
  v1::Sandbox sandbox = lease->Keep();
  if (options.server.json) return PrintJson(sandbox);
  std::cout << Safe(sandbox.sandbox_id()) << "\n";
  return 0;
}

// A call about one sandbox that answers with it.
template <typename Request, typename Method>
int RunSandboxCall(const SandboxOptions<Request>& options, Method method, const char* what,
                   int (*print)(const ServerOptions&, const v1::Sandbox&)) {
  Client client(options.server.address);
  v1::Sandbox sandbox;
  grpc::Status status = CallUnary(client.sandboxes(), method, options.request, &sandbox);
  if (!status.ok()) return FailCall(client, what, status);
  return print(options.server, sandbox);
}

int RunLimits(const SandboxOptions<v1::ChangeSandboxLimitsRequest>& options) {
  if (options.request.limits().ByteSizeLong() > 0) {
    return RunSandboxCall(options, &v1::SandboxService::Stub::ChangeSandboxLimits,
                          "change the limits", PrintLimits);
  }
  SandboxOptions<v1::GetSandboxRequest> get;
  get.server = options.server;
  get.request.set_sandbox_id(options.request.sandbox_id());
  return RunSandboxCall(get, &v1::SandboxService::Stub::GetSandbox, "look at the sandbox",
                        PrintLimits);
}

int RunServerMetrics(const ServerOptions& options) {
  Client client(options.address);
  v1::ListSandboxesResponse response;
  grpc::Status status = ListAllSandboxes(client.sandboxes(), {}, kCallTimeout, &response);
  if (!status.ok()) return FailCall(client, "list the sandboxes", status);
  if (options.json) return PrintJson(response);
  // A tenant has the list of its sandboxes alone.
  v1::ListBackendsResponse backends;
  status = CallUnary(client.backends(), &v1::BackendService::Stub::ListBackends,
                     v1::ListBackendsRequest(), &backends);
  if (!status.ok() && status.error_code() != grpc::StatusCode::PERMISSION_DENIED)
    return FailCall(client, "list the backends", status);
  std::cout << RenderMetrics(response, backends);
  return 0;
}

int RunSandboxMetrics(const SandboxOptions<v1::GetSandboxMetricsRequest>& options) {
  if (options.request.sandbox_id().empty()) return RunServerMetrics(options.server);
  Client client(options.server.address);
  v1::SandboxMetrics use;
  grpc::Status status = CallUnary(client.sandboxes(), &v1::SandboxService::Stub::GetSandboxMetrics,
                                  options.request, &use);
  if (!status.ok()) return FailCall(client, "read what the sandbox uses", status);
  if (options.server.json) return PrintJson(use);
  PrintFacts(UseFacts(use));
  return 0;
}

template <typename Request>
CLI::Option* AddLifetime(CLI::App& command, const std::string& name, Request* request) {
  return AddParsed<absl::Duration>(
      command, name, "TIME", "Its lifetime, 1s to 24h", ParseDurationFlag,
      [request](absl::Duration d) { *request->mutable_lifetime() = ToProto(d); });
}

template <typename Request>
void AddLifetimeChoices(CLI::App& command, Request* request) {
  AddLifetimeOptions(
      command, [request](v1::LifetimeFrom from) { request->set_lifetime_from(from); },
      [request](v1::OnExpiry on_expiry) { request->set_on_expiry(on_expiry); });
}

// A subcommand about one sandbox, with the options that all of them have.
template <typename Request>
std::pair<CLI::App*, std::shared_ptr<SandboxOptions<Request>>> AddSandboxCommand(
    CLI::App& app, const char* name, const char* description) {
  auto options = std::make_shared<SandboxOptions<Request>>();
  CLI::App* command = app.add_subcommand(name, description);
  AddSandboxOperand(*command, options->request.mutable_sandbox_id());
  AddServerOptions(*command, &options->server);
  return {command, options};
}

}  // namespace

void AddCreateCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<SandboxOptions<v1::CreateSandboxRequest>>();
  CLI::App* command = app.add_subcommand("create", "Make a sandbox and print its id");
  v1::CreateSandboxRequest* request = &options->request;
  AddSandboxOptions(*command, request);
  AddFurtherLimits(*command, request->mutable_limits());
  AddEntries(*command, "--env", "Environment variable of all its processes",
             request->mutable_env());
  AddEntries(*command, "--metadata", "Entry that `warren ps --metadata` finds it by",
             request->mutable_metadata());
  AddLifetime(*command, "--lifetime", request)->description("Its lifetime, 1s to 24h; default: 1h");
  AddLifetimeChoices(*command, request);
  AddText(*command, "--request-id", "ID",
          "The same create sent again with this id gets the sandbox of the first",
          request->mutable_request_id());
  AddServerOptions(*command, &options->server);
  command->callback([options, exit_code] { *exit_code = RunCreate(*options); });
}

void AddLifeCommands(CLI::App& app, int* exit_code) {
  auto [pause, pause_options] = AddSandboxCommand<v1::PauseSandboxRequest>(
      app, "pause", "Stop every process of a sandbox where it is");
  pause->callback([options = pause_options, exit_code] {
    *exit_code = RunSandboxCall(*options, &v1::SandboxService::Stub::PauseSandbox,
                                "pause the sandbox", PrintSandbox);
  });
  auto [resume, resume_options] =
      AddSandboxCommand<v1::ResumeSandboxRequest>(app, "resume", "Let a paused sandbox go on");
  AddLifetime(*resume, "--lifetime", &resume_options->request)
      ->description("Its lifetime from now on; default: what was left of it");
  resume->callback([options = resume_options, exit_code] {
    *exit_code = RunSandboxCall(*options, &v1::SandboxService::Stub::ResumeSandbox,
                                "resume the sandbox", PrintSandbox);
  });
  auto [extend, extend_options] = AddSandboxCommand<v1::SetSandboxLifetimeRequest>(
      app, "extend", "Set a sandbox's lifetime: longer, or shorter");
  AddLifetime(*extend, "lifetime", &extend_options->request)->required();
  AddLifetimeChoices(*extend, &extend_options->request);
  extend->callback([options = extend_options, exit_code] {
    *exit_code = RunSandboxCall(*options, &v1::SandboxService::Stub::SetSandboxLifetime,
                                "set the lifetime", PrintSandbox);
  });
}

void AddLimitsCommand(CLI::App& app, int* exit_code) {
  auto [command, options] = AddSandboxCommand<v1::ChangeSandboxLimitsRequest>(
      app, "limits", "Show a sandbox's limits, or change some of them");
  AddChangeableLimits(*command, options->request.mutable_limits());
  command->callback([options = options, exit_code] { *exit_code = RunLimits(*options); });
}

void AddMetricsCommand(CLI::App& app, int* exit_code) {
  auto [command, options] = AddSandboxCommand<v1::GetSandboxMetricsRequest>(
      app, "metrics",
      "Print what a sandbox uses; without one, what `ps` shows in Prometheus' text format");
  command->get_option("sandbox")->required(false);
  command->callback([options = options, exit_code] { *exit_code = RunSandboxMetrics(*options); });
}

}  // namespace warren
