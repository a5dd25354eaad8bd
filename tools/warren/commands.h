#ifndef WARREN_TOOLS_WARREN_COMMANDS_H_
#define WARREN_TOOLS_WARREN_COMMANDS_H_

#include "CLI/CLI.hpp"

// The subcommands. Each function adds one to `app`; its callback runs the command when the line is
// parsed and leaves the process's exit code in `exit_code`, which outlives the parse.
namespace warren {

void AddExecCommand(CLI::App& app, int* exit_code);
void AddPsCommand(CLI::App& app, int* exit_code);
void AddMetricsCommand(CLI::App& app, int* exit_code);
void AddKillCommand(CLI::App& app, int* exit_code);
void AddTemplatesCommand(CLI::App& app, int* exit_code);

// --address, the same for every command that talks to a server.
void AddAddressOption(CLI::App& command, std::string* address);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_COMMANDS_H_
