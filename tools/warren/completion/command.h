#ifndef WARREN_TOOLS_WARREN_COMPLETION_COMMAND_H_
#define WARREN_TOOLS_WARREN_COMPLETION_COMMAND_H_

#include "CLI/CLI.hpp"

namespace warren {

// `warren completion`, as in tools/warren/commands.h, and the hidden command that its scripts ask
// for the ids of sandboxes.
void AddCompletionCommand(CLI::App& app, int* exit_code);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_COMPLETION_COMMAND_H_
