#ifndef WARREN_TOOLS_WARREN_OUTPUT_H_
#define WARREN_TOOLS_WARREN_OUTPUT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tools/warren/terminal_text.h"

namespace warren {

// One of the CLI's own output streams: unbuffered, so that what a cell prints appears when it
// prints it. What it writes from a sandbox goes through unchanged to a file or a pipe, and escaped
// to a terminal. Owner: the command. Thread-compatible. Does not own the descriptor. UNAVAILABLE
// when nobody reads it any more; SIGPIPE is to be ignored.
class Output {
 public:
  enum class Treatment { kRaw, kEscape };

  Output(int fd, Treatment treatment) : fd_(fd), treatment_(treatment) {}
  // Escapes exactly when `fd` is a terminal.
  static Output ForFd(int fd);

  // Bytes of user code, in chunks that may split a UTF-8 sequence.
  absl::Status WriteForeign(absl::string_view bytes);
  // Ends a split sequence, and the line if one is begun. Before something else is printed.
  absl::Status FinishLine();
  // Our own text, as it is.
  absl::Status Write(absl::string_view text);

 private:
  int fd_;
  Treatment treatment_;
  Utf8Splitter splitter_;
  bool line_begun_ = false;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_OUTPUT_H_
