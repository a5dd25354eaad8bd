// The command line of Warren. See commands.h for what each subcommand does.
#include "CLI/CLI.hpp"
#include "tools/warren/commands.h"
#include "tools/warren/doctor/command.h"
#include "tools/warren/exit_code.h"

int main(int argc, char** argv) {
  CLI::App app("Runs code that nobody has to trust, in sandboxes of a warrend on this machine.",
               "warren");
  app.set_version_flag("--version", "warren " WARREN_VERSION);
  app.require_subcommand(1);
  int exit_code = 0;
  warren::AddExecCommand(app, &exit_code);
  warren::AddPsCommand(app, &exit_code);
  warren::AddMetricsCommand(app, &exit_code);
  warren::AddKillCommand(app, &exit_code);
  warren::AddTemplatesCommand(app, &exit_code);
  warren::AddDoctorCommand(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version arrive here too, as a success.
    return app.exit(error) == 0 ? 0 : warren::kExitWarren;
  }
  return exit_code;
}
