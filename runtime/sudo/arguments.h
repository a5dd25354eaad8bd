#ifndef WARREN_RUNTIME_SUDO_ARGUMENTS_H_
#define WARREN_RUNTIME_SUDO_ARGUMENTS_H_

#include <string>
#include <vector>

namespace warren::sudo {

// What a command line asks for. Options that speak of passwords say nothing: none is asked.
struct Arguments {
  enum class Action {
    kRun,
    kHelp,
    kVersion,
    // -v: whether it may.
    kValidate,
    // -l: what it may.
    kList,
    // -k, -K: nothing is remembered.
    kForget,
  };
  enum class Shell { kNone, kPlain, kLogin };
  enum class Keep { kUsual, kAll };

  Action action = Action::kRun;
  Shell shell = Shell::kNone;
  Keep keep = Keep::kUsual;
  // -H: HOME is the target's also with -E.
  bool set_home = false;
  // -b
  bool background = false;
  // As it was given: a name, or "#" and a number. Empty for root, or the target's own group.
  std::string user;
  std::string group;
  // -D. Empty for where it is.
  std::string directory;
  // --preserve-env=A,B
  std::vector<std::string> kept;
  // NAME=value before the command.
  std::vector<std::string> assignments;
  std::vector<std::string> command;
  // What is wrong with it, for whoever wrote it; empty where nothing is.
  std::string error;
};

// `words`: without the name of the program.
Arguments ParseArguments(const std::vector<std::string>& words);

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_ARGUMENTS_H_
