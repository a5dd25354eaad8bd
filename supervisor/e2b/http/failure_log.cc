#include "supervisor/e2b/http/failure_log.h"

#include <chrono>
#include <utility>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

constexpr std::chrono::seconds kFailureLogInterval{1};

}  // namespace

void FailureLog::Add(absl::string_view error) {
  const MonotonicTime now = MonotonicClock::now();
  if (now < next_) {
    ++left_out_;
    return;
  }
  next_ = now + kFailureLogInterval;
  spdlog::warn("event=http_failed backend=\"{}\" error=\"{}\" left_out={}", absl::CEscape(name_),
               absl::CEscape(error), std::exchange(left_out_, 0));
}

}  // namespace warren
