#ifndef WARREN_TOOLS_WARREN_INSTALL_PROGRESS_H_
#define WARREN_TOOLS_WARREN_INSTALL_PROGRESS_H_

#include <string>

#include "tools/warren/terminal_line.h"
#include "warren/v1/package.pb.h"

namespace warren {

// Says on standard error how far an installation is: on a terminal on one line, which is gone at
// the end; else on a line for each step.
// Owner: a command. Thread-compatible.
class InstallProgress {
 public:
  enum class Form { kHidden, kTerminal, kLines };

  // Of standard error as it is now.
  static Form FormOfStderr();

  explicit InstallProgress(Form form);
  void Show(const v1::InstallPackageEvent::Progress& progress);
  // Before something else is printed.
  void Clear() { line_.Clear(); }

 private:
  const Form form_;
  TerminalLine line_;
  // What was said last.
  std::string text_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_INSTALL_PROGRESS_H_
