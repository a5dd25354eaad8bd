#include "tools/warren/process/leave_filter.h"

namespace warren {

std::string LeaveFilter::Take(absl::string_view keys) {
  std::string passed;
  for (char key : keys) {
    if (state_ == State::kLeft) break;
    if (state_ == State::kLineBegin && key == '~') {
      state_ = State::kTilde;
      continue;
    }
    if (state_ == State::kTilde) {
      if (key == '.') {
        state_ = State::kLeft;
        continue;
      }
      passed.push_back('~');
      if (key == '~') {
        state_ = State::kInLine;
        continue;
      }
    }
    passed.push_back(key);
    state_ = key == '\r' || key == '\n' ? State::kLineBegin : State::kInLine;
  }
  return passed;
}

}  // namespace warren
