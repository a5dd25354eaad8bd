#ifndef WARREN_TOOLS_WARREN_PROCESS_LEAVE_FILTER_H_
#define WARREN_TOOLS_WARREN_PROCESS_LEAVE_FILTER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// Finds `~.` at the beginning of a line in what is typed, by which a session is left, as in ssh;
// `~~` there is one `~`. Owner: the reader of a terminal. Thread-compatible.
class LeaveFilter {
 public:
  // What of `keys` is to be passed on. A `~` at a line's beginning waits for the key after it.
  std::string Take(absl::string_view keys);
  // `~.` was typed; what comes after it is dropped.
  bool left() const { return state_ == State::kLeft; }

 private:
  enum class State { kLineBegin, kInLine, kTilde, kLeft };
  State state_ = State::kLineBegin;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_LEAVE_FILTER_H_
