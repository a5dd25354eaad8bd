#ifndef WARREN_TOOLS_WARREN_FILES_PROGRESS_H_
#define WARREN_TOOLS_WARREN_FILES_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "tools/warren/terminal_line.h"

namespace warren {

struct ProgressState {
  // Of the file at hand; foreign.
  std::string name;
  int64_t done_bytes = 0;
  // 0 where it is not known.
  int64_t total_bytes = 0;
  absl::Duration elapsed;
};
// One line of at most `columns` columns, without its end: a bar, how much, how fast, the name.
std::string ProgressText(const ProgressState& state, int columns);

// Shows on a terminal how far a copy is, on one line that is gone at the end.
// Owner: a copy. Thread-compatible.
class Progress {
 public:
  enum class Visibility { kHidden, kShown };
  // kShown writes to `fd`, a terminal.
  Progress(int fd, Visibility visibility);

  // More to come, of a file or a whole directory.
  void AddTotal(int64_t bytes) { state_.total_bytes += bytes; }
  void BeginFile(std::string name) { state_.name = std::move(name); }
  void AddDone(int64_t bytes);
  // Takes the line away, before something else is printed.
  void Clear() { line_.Clear(); }

 private:
  TerminalLine line_;
  const Visibility visibility_;
  ProgressState state_;
  absl::Time start_;
  absl::Time drawn_ = absl::InfinitePast();
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_PROGRESS_H_
