#ifndef WARREN_TOOLS_WARREN_COMPLETION_SCRIPTS_H_
#define WARREN_TOOLS_WARREN_COMPLETION_SCRIPTS_H_

#include <string>
#include <vector>

#include "tools/warren/completion/command_tree.h"

// The completion of each shell. All ask `warren __sandboxes` for the ids of sandboxes. Pure
// functions.
namespace warren {

std::string BashCompletion(const std::vector<CompletionCommand>& commands);
std::string ZshCompletion(const std::vector<CompletionCommand>& commands);
std::string FishCompletion(const std::vector<CompletionCommand>& commands);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_COMPLETION_SCRIPTS_H_
