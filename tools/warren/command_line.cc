#include "tools/warren/command_line.h"

#include <algorithm>
#include <utility>

#include "tools/warren/commands.h"
#include "tools/warren/completion/command.h"
#include "tools/warren/doctor/command.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/files/commands.h"
#include "tools/warren/process/commands.h"

namespace warren {
namespace {

bool TakesCommand(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments[0] == "run" || arguments[0] == "script");
}

}  // namespace

CommandLine::CommandLine()
    : app_("Runs code that nobody has to trust, in sandboxes of a warrend on this machine.",
           "warren") {
  app_.set_version_flag("--version", "warren " WARREN_VERSION);
  app_.require_subcommand(1);
  AddExecCommand(app_, &exit_code_);
  AddScriptCommand(app_, &operands_, &exit_code_);
  AddConnectCommand(app_, &exit_code_);
  AddContextCommands(app_, &exit_code_);
  AddRunCommand(app_, &operands_, &exit_code_);
  AddShellCommand(app_, &exit_code_);
  AddProcessCommands(app_, &exit_code_);
  AddCopyCommand(app_, &exit_code_);
  AddListFilesCommand(app_, &exit_code_);
  AddFilesCommands(app_, &exit_code_);
  AddCreateCommand(app_, &exit_code_);
  AddPsCommand(app_, &exit_code_);
  AddLifeCommands(app_, &exit_code_);
  AddLimitsCommand(app_, &exit_code_);
  AddNetworkCommands(app_, &exit_code_);
  AddPackageCommands(app_, &exit_code_);
  AddKeyCommands(app_, &exit_code_);
  AddConfigCommands(app_, &exit_code_);
  AddMetricsCommand(app_, &exit_code_);
  AddKillCommand(app_, &exit_code_);
  AddTemplatesCommand(app_, &exit_code_);
  AddBackendsCommand(app_, &exit_code_);
  AddEnvironmentCommand(app_, &exit_code_);
  AddDoctorCommand(app_, &exit_code_);
  AddCompletionCommand(app_, &exit_code_);
}

int CommandLine::Run(std::vector<std::string> arguments) {
  auto mark = std::find(arguments.begin(), arguments.end(), "--");
  if (TakesCommand(arguments) && mark != arguments.end()) {
    operands_.assign(mark + 1, arguments.end());
    arguments.erase(mark, arguments.end());
  }
  // CLI11 takes them from the back.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app_.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    // --help and --version arrive here too, as a success.
    return app_.exit(error) == 0 ? 0 : kExitWarren;
  }
  return exit_code_;
}

}  // namespace warren
