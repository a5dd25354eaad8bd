#ifndef WARREN_TOOLS_WARREN_PROCESS_COMMANDS_H_
#define WARREN_TOOLS_WARREN_PROCESS_COMMANDS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

// The subcommands about processes, as in tools/warren/commands.h.
namespace warren {

// `operands` is what followed `--`, known when the line is parsed.
void AddRunCommand(CLI::App& app, const std::vector<std::string>* operands, int* exit_code);
void AddShellCommand(CLI::App& app, int* exit_code);
// processes, signal, attach.
void AddProcessCommands(CLI::App& app, int* exit_code);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_COMMANDS_H_
