#ifndef WARREN_RUNTIME_SUDO_ENVIRONMENT_H_
#define WARREN_RUNTIME_SUDO_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "runtime/sudo/accounts.h"
#include "runtime/sudo/arguments.h"

namespace warren::sudo {

// What the command gets of the caller's environment and beside it, as Debian's sudoers have it.
std::vector<std::string> MakeEnvironment(const std::vector<std::string>& own,
                                         const Arguments& arguments, const Account& caller,
                                         const Account& target);

// The program and its argv: the command, or the target's shell, which is given the command as one
// line.
struct Program {
  // Looked up in the PATH of the environment where it has no slash.
  std::string file;
  std::vector<std::string> argv;
};
Program MakeProgram(const Arguments& arguments, const Account& caller, const Account& target);

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_ENVIRONMENT_H_
