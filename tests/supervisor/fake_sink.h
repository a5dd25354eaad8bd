#ifndef WARREN_TESTS_SUPERVISOR_FAKE_SINK_H_
#define WARREN_TESTS_SUPERVISOR_FAKE_SINK_H_

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/backend/backend.h"
#include "tests/support/patience.h"

namespace warren {

// Takes the events of an execution, and notes them. Thread-safe.
class FakeSink final : public ExecutionSink {
 public:
  using Event = warren::v1::ExecutionEvent;

  Flow PushOutput(Event::Output::Stream stream, absl::string_view data,
                  OutputStamp stamp) override {
    Event event;
    event.mutable_output()->set_stream(stream);
    event.mutable_output()->set_data(data.data(), data.size());
    event.set_time_unix_nanos(stamp.time_unix_nanos);
    event.set_sequence(stamp.sequence);
    return Push(std::move(event));
  }
  Flow Push(Event event) override {
    std::function<void()> hook;
    Flow answer;
    {
      std::lock_guard lock(mu_);
      pushed_after_end_ = pushed_after_end_ || end_.has_value();
      events_.push_back(std::move(event));
      hook = on_push_;
      answer = answer_;
    }
    if (hook) hook();
    return answer;
  }
  void End(absl::Status status) override {
    std::lock_guard lock(mu_);
    ++ends_;
    end_ = std::move(status);
  }

  // What it answers from now on.
  void Answer(Flow answer) {
    std::lock_guard lock(mu_);
    answer_ = answer;
  }
  // Runs within every push that follows.
  void OnPush(std::function<void()> hook) {
    std::lock_guard lock(mu_);
    on_push_ = std::move(hook);
  }

  std::vector<Event> events() const {
    std::lock_guard lock(mu_);
    return events_;
  }
  std::string output() const {
    std::string all;
    for (const Event& event : events()) all += event.output().data();
    return all;
  }
  std::string execution_id() const {
    for (const Event& event : events()) {
      if (event.has_started()) return event.started().execution_id();
    }
    return "";
  }
  bool ended() const {
    std::lock_guard lock(mu_);
    return end_.has_value();
  }
  // Waits for the end; DEADLINE_EXCEEDED when it does not come.
  absl::Status WaitForEnd() const {
    if (!Eventually([this] { return ended(); })) return absl::DeadlineExceededError("no end came");
    std::lock_guard lock(mu_);
    return *end_;
  }
  // After the end; of no kind where there was no Finished.
  warren::v1::Termination termination() const {
    const auto all = events();
    return all.empty() ? warren::v1::Termination() : all.back().finished().termination();
  }
  // Ended once, with nothing behind.
  bool well_formed() const {
    std::lock_guard lock(mu_);
    return ends_ == 1 && !pushed_after_end_;
  }

 private:
  mutable std::mutex mu_;
  std::vector<Event> events_;
  std::optional<absl::Status> end_;
  int ends_ = 0;
  bool pushed_after_end_ = false;
  Flow answer_ = Flow::kContinue;
  std::function<void()> on_push_;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_FAKE_SINK_H_
