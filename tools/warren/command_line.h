#ifndef WARREN_TOOLS_WARREN_COMMAND_LINE_H_
#define WARREN_TOOLS_WARREN_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace warren {

// Everything that `warren` can be told. Owner: main. Thread-compatible. Lifecycle: Run, once.
class CommandLine {
 public:
  CommandLine();

  // Runs what the arguments say, the program's name not among them, and returns the exit code.
  int Run(std::vector<std::string> arguments);

  const CLI::App& app() const { return app_; }

 private:
  CLI::App app_;
  // Of `run` and `script`: what follows `--`, as it is. The parser would take "[a, b]" apart.
  std::vector<std::string> operands_;
  int exit_code_ = 0;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_COMMAND_LINE_H_
