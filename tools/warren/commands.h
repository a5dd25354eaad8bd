#ifndef WARREN_TOOLS_WARREN_COMMANDS_H_
#define WARREN_TOOLS_WARREN_COMMANDS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

// The subcommands. Each function adds one to `app`, or a few that belong together; its callback
// runs the command when the line is parsed and leaves the process's exit code in `exit_code`, which
// outlives the parse.
namespace warren {

void AddExecCommand(CLI::App& app, int* exit_code);
// `operands` is what followed `--`, known when the line is parsed.
void AddScriptCommand(CLI::App& app, const std::vector<std::string>* operands, int* exit_code);
void AddConnectCommand(CLI::App& app, int* exit_code);
void AddContextCommands(CLI::App& app, int* exit_code);
void AddCreateCommand(CLI::App& app, int* exit_code);
void AddPsCommand(CLI::App& app, int* exit_code);
// pause, resume, extend.
void AddLifeCommands(CLI::App& app, int* exit_code);
void AddLimitsCommand(CLI::App& app, int* exit_code);
// show, set, watch.
void AddNetworkCommands(CLI::App& app, int* exit_code);
// install; packages: prefetch, prune, verify.
void AddPackageCommands(CLI::App& app, int* exit_code);
// keys: create, list, revoke.
void AddKeyCommands(CLI::App& app, int* exit_code);
// config: check.
void AddConfigCommands(CLI::App& app, int* exit_code);
void AddMetricsCommand(CLI::App& app, int* exit_code);
void AddKillCommand(CLI::App& app, int* exit_code);
void AddTemplatesCommand(CLI::App& app, int* exit_code);
void AddBackendsCommand(CLI::App& app, int* exit_code);
void AddEnvironmentCommand(CLI::App& app, int* exit_code);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_COMMANDS_H_
