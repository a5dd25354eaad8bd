#ifndef WARREN_SUPERVISOR_E2B_HTTP_FAILURE_LOG_H_
#define WARREN_SUPERVISOR_E2B_HTTP_FAILURE_LOG_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "runtime/loop/timer_queue.h"

namespace warren {

// Tells the operator why calls of one client fail: at most a line a second, which says how many
// were left out before it. Thread-compatible.
class FailureLog {
 public:
  explicit FailureLog(std::string name) : name_(std::move(name)) {}
  void Add(absl::string_view error);

 private:
  const std::string name_;
  MonotonicTime next_{};
  uint64_t left_out_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_FAILURE_LOG_H_
