#ifndef WARREN_TOOLS_WARREN_FILES_COMMANDS_H_
#define WARREN_TOOLS_WARREN_FILES_COMMANDS_H_

#include "CLI/CLI.hpp"

// The subcommands about files, as in tools/warren/commands.h.
namespace warren {

void AddCopyCommand(CLI::App& app, int* exit_code);
void AddListFilesCommand(CLI::App& app, int* exit_code);
// files stat, mkdir, mv, rm.
void AddFilesCommands(CLI::App& app, int* exit_code);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_COMMANDS_H_
