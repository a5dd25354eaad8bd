// `warren config`: the file of backends. Without a server.
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/config/config_file.h"
#include "tools/warren/commands.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/flags.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/report.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

constexpr char kCheckFooter[] =
    R"(What is wrong is told as FILE:LINE:COLUMN, with what to do; then the exit code is 125. Keys and certificates are read, as the
server would: as its user, in its environment. Nothing of them is printed.

Examples:
  warren config check /etc/warren/backends.textproto
  warren config check --no-secrets backends.textproto      # where the server's keys are not: CI)";

struct CheckConfigOptions {
  std::string file;
  bool json = false;
  bool no_secrets = false;
};

std::string KindOf(const config::Backend& backend) {
  switch (backend.kind_case()) {
    case config::Backend::kLocal:
      return "local";
    case config::Backend::kRemote:
      return "remote";
    case config::Backend::kE2B:
      return "e2b";
    default:
      return "failover";
  }
}

std::string WhereIs(const config::Backend& backend) {
  switch (backend.kind_case()) {
    case config::Backend::kLocal:
      return "this machine";
    case config::Backend::kRemote:
      return backend.remote().address();
    case config::Backend::kE2B:
      return backend.e2b().api_url().empty() ? backend.e2b().domain() : backend.e2b().api_url();
    default:
      return absl::StrJoin(backend.failover().backends(), ", ");
  }
}

std::string Counted(int count, absl::string_view thing) {
  return absl::StrCat(count, " ", thing, count == 1 ? "" : "s");
}

void PrintConfigProblems(const CheckConfigOptions& options, const ConfigProblems& problems) {
  for (const ConfigProblem& problem : problems) {
    if (options.json) {
      std::cout << JsonLine({{"file", options.file},
                             {"line", problem.line},
                             {"column", problem.column},
                             {"what", problem.what},
                             {"remedy", problem.remedy}});
    } else {
      // As compilers do it: editors go to the place.
      std::cerr << Safe(ProblemText(options.file, problem)) << "\n";
    }
  }
}

void PrintBackends(const CheckConfigOptions& options, const config::Configuration& configuration) {
  Table table({"NAME", "KIND", "WHERE"});
  for (const config::Backend& backend : configuration.backends()) {
    const std::string where = WhereIs(backend);
    if (options.json) {
      std::cout << JsonLine(
          {{"name", backend.name()}, {"kind", KindOf(backend)}, {"where", where}});
    } else {
      table.AddRow({Safe(backend.name()), KindOf(backend), Safe(where)});
    }
  }
  if (options.json) return;
  std::cout << Safe(options.file) << ": " << Counted(configuration.backends_size(), "backend")
            << ", " << Counted(configuration.routes_size(), "route") << ": fine\n"
            << table.Render();
}

int RunCheckConfig(const CheckConfigOptions& options) {
  auto checked = CheckConfigurationFile(
      options.file, options.no_secrets ? SecretFiles::kLeave : SecretFiles::kRead);
  if (!checked.ok()) return Fail(checked.status().message());
  if (!checked->problems.empty()) {
    PrintConfigProblems(options, checked->problems);
    return kExitWarren;
  }
  PrintBackends(options, checked->loaded.configuration);
  return 0;
}

}  // namespace

void AddConfigCommands(CLI::App& app, int* exit_code) {
  CLI::App* group = app.add_subcommand("config", "Look at a server's file of backends");
  group->require_subcommand(1);

  auto check = std::make_shared<CheckConfigOptions>();
  CLI::App* command = group->add_subcommand(
      "check", "Say what is wrong with a file of backends, or that it is fine");
  command->add_option("file", check->file, "The file, as warrend --config names it")
      ->type_name("FILE")
      ->required();
  command->add_flag("--json", check->json, "Print JSON, one object a line: backends, or problems");
  command->add_flag("--no-secrets", check->no_secrets,
                    "Do not look for keys and certificates, only whether the file names them");
  command->footer(kCheckFooter);
  command->callback([check, exit_code] { *exit_code = RunCheckConfig(*check); });
}

}  // namespace warren
