#ifndef WARREN_TOOLS_WARREN_COMPLETION_COMMAND_TREE_H_
#define WARREN_TOOLS_WARREN_COMPLETION_COMMAND_TREE_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

// What the command line takes, as shells need it to complete it: read from the parser's own tree,
// so that it says what the parser takes.
namespace warren {

// A value that an option or an operand takes.
struct CompletionValue {
  enum class Kind {
    // A flag.
    kNone,
    kText,
    kSandbox,
    // A sandbox with a path in it, or a file of ours.
    kSandboxPath,
    kFile,
    kDirectory,
    kChoices,
  };
  Kind kind = Kind::kNone;
  std::vector<std::string> choices;
};
struct CompletionOption {
  // "--json", "-t".
  std::vector<std::string> names;
  std::string description;
  CompletionValue value;
};
struct CompletionOperand {
  CompletionValue value;
  // Takes all that comes from here on.
  bool repeated = false;
};
struct CompletionCommand {
  // "" for the program itself, "context create".
  std::string path;
  std::string name;
  std::string description;
  std::vector<CompletionOption> options;
  std::vector<CompletionOperand> operands;
  // Paths.
  std::vector<std::string> subcommands;
};

// All commands, each before its subcommands; hidden ones left out.
std::vector<CompletionCommand> DescribeCommands(const CLI::App& program);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_COMPLETION_COMMAND_TREE_H_
