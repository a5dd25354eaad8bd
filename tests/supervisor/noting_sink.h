#ifndef WARREN_TESTS_SUPERVISOR_NOTING_SINK_H_
#define WARREN_TESTS_SUPERVISOR_NOTING_SINK_H_

#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "supervisor/backend/backend.h"
#include "tests/support/patience.h"

namespace warren {

// Notes what comes, on any thread, and answers as it is told to.
template <class Event>
class NotingSink : public Sink<Event> {
 public:
  Flow Push(Event event) override {
    std::lock_guard lock(mu_);
    if (on_push_) on_push_(event);
    events_.push_back(std::move(event));
    return answer_;
  }
  // Runs within every push that follows.
  void OnPush(std::function<void(const Event&)> hook) {
    std::lock_guard lock(mu_);
    on_push_ = std::move(hook);
  }
  void End(absl::Status status) override {
    std::lock_guard lock(mu_);
    EXPECT_FALSE(end_) << "one end";
    end_ = std::move(status);
  }
  void Answer(Flow answer) {
    std::lock_guard lock(mu_);
    answer_ = answer;
  }
  std::vector<Event> events() const {
    std::lock_guard lock(mu_);
    return events_;
  }
  bool ended() const {
    std::lock_guard lock(mu_);
    return end_.has_value();
  }
  // For its end.
  absl::Status Wait() const {
    if (!Eventually([this] { return ended(); })) return absl::DeadlineExceededError("no end came");
    std::lock_guard lock(mu_);
    return *end_;
  }

 private:
  mutable std::mutex mu_;
  std::function<void(const Event&)> on_push_;
  std::vector<Event> events_;
  std::optional<absl::Status> end_;
  Flow answer_ = Flow::kContinue;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_NOTING_SINK_H_
