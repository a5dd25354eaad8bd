#ifndef WARREN_TOOLS_WARREN_TERMINAL_LINE_H_
#define WARREN_TOOLS_WARREN_TERMINAL_LINE_H_

#include "absl/strings/string_view.h"

namespace warren {

// A line on a terminal that is written over, and gone at the end.
// Owner: a command. Thread-compatible. Does not own the descriptor.
class TerminalLine {
 public:
  explicit TerminalLine(int fd) : fd_(fd) {}
  ~TerminalLine() { Clear(); }
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  // How many columns a text may have now. One stays free: a full line would wrap.
  int columns() const;
  // In the place of what was there; foreign text is escaped.
  void Show(absl::string_view text);
  // Takes the line away, before something else is printed.
  void Clear();

 private:
  const int fd_;
  bool shown_ = false;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_TERMINAL_LINE_H_
