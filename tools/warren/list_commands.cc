// `warren ps`, `warren kill`, `warren templates`: what a server has, and the end of it.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/client.h"
#include "tools/warren/commands.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/flags.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/report.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

struct PsOptions {
  ServerOptions server;
  v1::ListSandboxesRequest request;
  bool ids = false;
};
struct BackendsOptions {
  ServerOptions server;
  v1::ListBackendsRequest request;
};
struct KillOptions {
  ServerOptions server;
  std::vector<std::string> ids;
  bool all = false;
};

std::string WholeSeconds(absl::Duration span) {
  absl::Duration whole = std::max(absl::ZeroDuration(), absl::Floor(span, absl::Seconds(1)));
  return whole == absl::ZeroDuration() ? "0s" : absl::FormatDuration(whole);
}

void PrintSandboxes(const v1::ListSandboxesResponse& response, absl::Time now) {
  Table table({"SANDBOX", "TEMPLATE", "STATE", "AGE", "EXPIRES IN", "MEMORY", "LIMIT", "REASON"});
  for (const v1::Sandbox& sandbox : response.sandboxes()) {
    table.AddRow({Safe(sandbox.sandbox_id()), Safe(sandbox.template_id()),
                  absl::AsciiStrToLower(v1::Sandbox::State_Name(sandbox.state())),
                  WholeSeconds(now - ToAbslTime(sandbox.created_at())),
                  WholeSeconds(ToAbslTime(sandbox.expires_at()) - now),
                  FormatBytes(sandbox.memory_bytes()), FormatBytes(sandbox.limits().memory_bytes()),
                  Safe(sandbox.reason())});
  }
  std::cout << table.Render();
}

void PrintPools(const v1::ListSandboxesResponse& response) {
  Table table({"POOL", "READY", "STARTING", "TARGET", "ZYGOTE", "FORKS", "HITS", "MISSES"});
  for (const v1::PoolStatus& pool : response.pools()) {
    table.AddRow({Safe(pool.template_id()), absl::StrCat(pool.ready()),
                  absl::StrCat(pool.starting()), absl::StrCat(pool.target()),
                  absl::StrCat(pool.zygote_generation()), absl::StrCat(pool.zygote_forks()),
                  absl::StrCat(pool.hits()), absl::StrCat(pool.misses())});
  }
  std::cout << table.Render();
}

int RunPs(const PsOptions& options) {
  Client client(options.server.address);
  v1::ListSandboxesResponse response;
  grpc::Status status =
      ListAllSandboxes(client.sandboxes(), options.request, kCallTimeout, &response);
  if (!status.ok()) return FailCall(client, "list the sandboxes", status);
  if (options.ids) {
    for (const v1::Sandbox& sandbox : response.sandboxes()) {
      std::cout << Safe(sandbox.sandbox_id()) << "\n";
    }
    return 0;
  }
  if (options.server.json) return PrintJson(response);
  if (response.sandboxes().empty()) {
    std::cout << "No sandbox is in use.\n";
  } else {
    PrintSandboxes(response, absl::Now());
  }
  std::cout << "\n";
  PrintPools(response);
  return 0;
}

int RunTemplates(const ServerOptions& options) {
  Client client(options.address);
  v1::ListTemplatesResponse response;
  grpc::Status status = CallUnary(client.templates(), &v1::TemplateService::Stub::ListTemplates,
                                  v1::ListTemplatesRequest(), &response);
  if (!status.ok()) return FailCall(client, "list the templates", status);
  if (options.json) return PrintJson(response);
  Table table({"TEMPLATE", "PYTHON", "PRELOADED", "STATE", "DESCRIPTION"});
  for (const v1::TemplateInfo& info : response.templates()) {
    std::string python = info.python_version().empty() ? "-" : Safe(info.python_version());
    std::string state = info.unavailable().empty() ? "ready" : Safe(info.unavailable());
    if (info.template_id() == response.default_template_id()) state += ", the default";
    table.AddRow({Safe(info.template_id()), std::move(python),
                  absl::StrCat(info.preload_size(), " modules"), std::move(state),
                  Safe(info.description())});
  }
  std::cout << table.Render();
  return 0;
}

std::string BackendState(const v1::BackendStatus& status) {
  if (!status.problem().empty()) return Safe(status.problem());
  if (status.kind() == v1::BackendStatus::FAILOVER) {
    std::vector<std::string> names;
    for (const std::string& name : status.members()) names.push_back(Safe(name));
    return absl::StrJoin(names, ", then ");
  }
  std::string state = status.retired() ? "retired" : "answers";
  if (status.has_budget()) {
    absl::StrAppend(&state, ", ", WholeSeconds(ToDuration(status.budget_used())), " of ",
                    WholeSeconds(ToDuration(status.budget())), " used this month");
  }
  return state;
}

int RunBackends(const BackendsOptions& options) {
  Client client(options.server.address);
  v1::ListBackendsResponse response;
  grpc::Status status = CallUnary(client.backends(), &v1::BackendService::Stub::ListBackends,
                                  options.request, &response);
  if (!status.ok()) return FailCall(client, "list the backends", status);
  if (options.server.json) return PrintJson(response);
  Table table(
      {"BACKEND", "KIND", "CIRCUIT", "CREATES", "FAILED", "PASSED ON", "SANDBOXES", "STATE"});
  for (const v1::BackendStatus& each : response.backends()) {
    const bool is_list = each.kind() == v1::BackendStatus::FAILOVER;
    auto number = [&](int64_t value) { return is_list ? "" : absl::StrCat(value); };
    table.AddRow(
        {Safe(each.name()), absl::AsciiStrToLower(v1::BackendStatus::Kind_Name(each.kind())),
         is_list ? "" : absl::AsciiStrToLower(v1::BackendStatus::Circuit_Name(each.circuit())),
         number(each.creates()), number(each.failures()), number(each.passed_on()),
         number(each.sandboxes()), BackendState(each)});
  }
  std::cout << table.Render();
  return 0;
}

// Kills one sandbox and says so; false when that failed.
bool Kill(Client& client, const std::string& id, bool json) {
  v1::DestroySandboxRequest request;
  request.set_sandbox_id(id);
  v1::DestroySandboxResponse response;
  grpc::Status status =
      CallUnary(client.sandboxes(), &v1::SandboxService::Stub::DestroySandbox, request, &response);
  if (!status.ok()) {
    FailCall(client, absl::StrCat("kill ", Safe(id)), status);
  } else if (json) {
    std::cout << JsonLine({{"sandbox_id", id}, {"usage", UsageObject(response.usage())}});
  } else {
    std::cout << Safe(id) << "\n";
  }
  return status.ok();
}

int RunKill(const KillOptions& options) {
  Client client(options.server.address);
  std::vector<std::string> ids = options.ids;
  if (options.all) {
    v1::ListSandboxesResponse response;
    grpc::Status status = ListAllSandboxes(client.sandboxes(), {}, kCallTimeout, &response);
    if (!status.ok()) return FailCall(client, "list the sandboxes", status);
    for (const v1::Sandbox& sandbox : response.sandboxes()) ids.push_back(sandbox.sandbox_id());
  }
  bool all_killed = true;
  for (const std::string& id : ids)
    all_killed = Kill(client, id, options.server.json) && all_killed;
  return all_killed ? 0 : kExitWarren;
}

void AddPsFilters(CLI::App& command, v1::ListSandboxesRequest* request) {
  AddEntries(command, "--metadata", "Only those with this entry", request->mutable_metadata());
  AddText(command, "--template", "NAME", "Only those of this template",
          request->mutable_template_id());
  Choices<v1::Sandbox::State> states = {{"running", v1::Sandbox::RUNNING},
                                        {"paused", v1::Sandbox::PAUSED},
                                        {"dead", v1::Sandbox::DEAD}};
  auto add_states = [states, request](const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      absl::StatusOr<v1::Sandbox::State> state = ParseChoice(states, name);
      if (!state.ok()) {
        throw CLI::ValidationError("--state", std::string(state.status().message()));
      }
      request->add_states(*state);
    }
  };
  command
      .add_option_function<std::vector<std::string>>("--state", add_states,
                                                     "Only those in this state")
      ->type_name(NamesOf(states))
      ->allow_extra_args(false);
  AddParsed<absl::Duration>(command, "--since", "TIME",
                            "Only those made in the last TIME, e.g. 10m", ParseDurationFlag,
                            [request](absl::Duration ago) {
                              *request->mutable_created_after() = ToProto(absl::Now() - ago);
                            });
  command.add_flag_callback(
      "--newest-first", [request] { request->set_newest_first(true); }, "Newest first");
}

}  // namespace

void AddPsCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<PsOptions>();
  CLI::App* command = app.add_subcommand("ps", "List the sandboxes in use and the warm pools");
  AddPsFilters(*command, &options->request);
  command->add_flag("-q,--ids", options->ids, "Print the sandboxes' ids alone");
  AddServerOptions(*command, &options->server);
  command->callback([options, exit_code] { *exit_code = RunPs(*options); });
}

void AddBackendsCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<BackendsOptions>();
  CLI::App* command =
      app.add_subcommand("backends", "List what runs a server's sandboxes, and how that does");
  command->add_flag_function(
      "--probe", [options](int64_t) { options->request.set_probe(true); },
      "Ask each of them now whether it answers");
  AddServerOptions(*command, &options->server);
  command->callback([options, exit_code] { *exit_code = RunBackends(*options); });
}

void AddTemplatesCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ServerOptions>();
  CLI::App* command = app.add_subcommand("templates", "List the templates");
  AddServerOptions(*command, options.get());
  command->callback([options, exit_code] { *exit_code = RunTemplates(*options); });
}

void AddKillCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<KillOptions>();
  CLI::App* command = app.add_subcommand("kill", "End sandboxes with everything in them");
  CLI::Option* ids =
      command->add_option("sandbox", options->ids, "Sandboxes, as `warren ps` lists them");
  CLI::Option* all = command->add_flag("--all", options->all, "Every sandbox in use");
  ids->type_name(kSandboxType)->excludes(all);
  AddServerOptions(*command, &options->server);
  command->callback([options, exit_code] {
    if (options->ids.empty() && !options->all) throw CLI::RequiredError("SANDBOX... or --all");
    *exit_code = RunKill(*options);
  });
}

}  // namespace warren
