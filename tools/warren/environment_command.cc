// `warren environment`: what a sandbox or a template offers.
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/warren/client.h"
#include "tools/warren/commands.h"
#include "tools/warren/facts.h"
#include "tools/warren/flags.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/network_text.h"
#include "tools/warren/report.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

struct EnvironmentOptions {
  ServerOptions server;
  v1::GetEnvironmentRequest request;
};

using Packages = google::protobuf::RepeatedPtrField<v1::Environment::Package>;

void PrintLimits(const v1::Limits& limits) {
  Table table({"LIMIT", "VALUE"});
  for (const auto& [name, value] : LimitFacts(limits)) table.AddRow({name, value});
  std::cout << "\n" << table.Render();
}

void PrintPackages(const char* title, const Packages& packages) {
  if (packages.empty()) return;
  Table table({title, "VERSION"});
  for (const auto& package : packages)
    table.AddRow({Safe(package.name()), Safe(package.version())});
  std::cout << "\n" << table.Render();
}

void PrintMounts(const v1::Environment& environment) {
  if (environment.mounts().empty()) return;
  Table table({"MOUNT", "TYPE", "ACCESS"});
  for (const auto& mount : environment.mounts()) {
    table.AddRow({Safe(mount.path()), Safe(mount.file_system()),
                  mount.read_only() ? "read-only" : "writable"});
  }
  std::cout << "\n" << table.Render();
}

void PrintFeatures(const v1::Environment& environment) {
  if (environment.features().empty()) return;
  Table table({"FEATURE", "HERE", "WHY NOT"});
  for (const auto& feature : environment.features()) {
    table.AddRow(
        {Safe(feature.name()), feature.available() ? "yes" : "no", Safe(feature.reason())});
  }
  std::cout << "\n" << table.Render();
}

void PrintEnvironment(const v1::Environment& environment) {
  Facts facts = {{"template", Safe(environment.template_id())},
                 {"python", absl::StrCat(Safe(environment.python_version()), " ",
                                         Safe(environment.interpreter()))},
                 {"architecture", Safe(environment.architecture())},
                 {"languages", Safe(absl::StrJoin(environment.languages(), ", "))},
                 {"preloaded", Safe(absl::StrJoin(environment.preload(), ", "))}};
  if (!environment.profile().empty()) facts.emplace_back("runs as", Safe(environment.profile()));
  if (environment.has_network())
    facts.emplace_back("network", SummarizeNetwork(environment.network()));
  PrintFacts(facts);
  if (environment.has_use()) {
    std::cout << "\n";
    PrintFacts(UseFacts(environment.use()));
  }
  if (environment.has_limits()) PrintLimits(environment.limits());
  PrintMounts(environment);
  PrintFeatures(environment);
  PrintPackages("SYSTEM PACKAGE", environment.system_packages());
  PrintPackages("PYTHON PACKAGE", environment.python_packages());
}

int RunEnvironment(const EnvironmentOptions& options) {
  Client client(options.server.address);
  v1::Environment environment;
  grpc::Status status =
      CallUnary(client.environments(), &v1::EnvironmentService::Stub::GetEnvironment,
                options.request, &environment);
  if (!status.ok()) return FailCall(client, "look at the environment", status);
  if (options.server.json) return PrintJson(environment);
  PrintEnvironment(environment);
  if (!environment.python_packages_incomplete().empty()) {
    std::cerr << "warren: not all of its Python packages are known: "
              << Safe(environment.python_packages_incomplete()) << "\n";
  }
  return 0;
}

}  // namespace

void AddEnvironmentCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<EnvironmentOptions>();
  CLI::App* command = app.add_subcommand(
      "environment",
      "Show what a sandbox offers: interpreter, packages, network, use, limits, mounts, features");
  CLI::Option* sandbox = AddSandboxOperand(*command, options->request.mutable_sandbox_id());
  sandbox->required(false);
  AddText(*command, "--template", "NAME", "What this template offers, without a sandbox",
          options->request.mutable_template_id())
      ->excludes(sandbox);
  AddServerOptions(*command, &options->server);
  command->callback([options, exit_code] {
    const v1::GetEnvironmentRequest& request = options->request;
    if (request.sandbox_id().empty() && request.template_id().empty())
      throw CLI::RequiredError("SANDBOX or --template");
    *exit_code = RunEnvironment(*options);
  });
}

}  // namespace warren
