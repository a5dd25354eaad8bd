#ifndef WARREN_TOOLS_WARREN_COMPLETION_TABLES_H_
#define WARREN_TOOLS_WARREN_COMPLETION_TABLES_H_

#include <functional>
#include <string>
#include <vector>

#include "tools/warren/completion/command_tree.h"

// What the scripts of several shells have in them. Pure functions.
namespace warren {

// "PATH NAME" for every way from a command to one below it, " ps" and "context create": a script
// follows the words of a line by them.
std::vector<std::string> CommandSteps(const std::vector<CompletionCommand>& commands);

// "PATH:NAME" for every option that takes a value.
std::vector<std::string> ValueOptions(const std::vector<CompletionCommand>& commands);

// The arms of a `case` of bash and zsh: `pattern) body ;;`, each on its line. Words are quoted.
std::string CaseArm(const std::vector<std::string>& words, const std::string& body);
// Those that complete the value of an option, "PATH:NAME", and an operand, "PATH:NUMBER". `action`
// says what a shell does for a value; an empty one gets no arm.
using ValueAction = std::function<std::string(const CompletionValue&)>;
std::string ValueArms(const std::vector<CompletionCommand>& commands, const ValueAction& action);
std::string OperandArms(const std::vector<CompletionCommand>& commands, const ValueAction& action);

// Words as the alternatives of a pattern.
std::string CasePattern(const std::vector<std::string>& words);

// In single quotes, for bash and zsh.
std::string ShellQuote(const std::string& text);

// The last word of a path.
std::string StepName(const std::string& path);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_COMPLETION_TABLES_H_
