#ifndef WARREN_TESTS_SUPERVISOR_SINK_H_
#define WARREN_TESTS_SUPERVISOR_SINK_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "tests/support/patience.h"

namespace warren {

// Calls `ask(reply)` and waits for the answer.
template <class T, class Start>
absl::StatusOr<T> Ask(Start start) {
  auto answer = std::make_shared<std::promise<absl::StatusOr<T>>>();
  auto there = answer->get_future();
  start(Reply<T>([answer](absl::StatusOr<T> what) { answer->set_value(std::move(what)); }));
  if (there.wait_for(absl::ToChronoSeconds(Patience())) != std::future_status::ready) {
    return absl::DeadlineExceededError("nothing answered");
  }
  return there.get();
}

// Keeps what an execution says.
class CollectingSink final : public ExecutionSink {
 public:
  // What to answer to each push; kContinue where there is none.
  explicit CollectingSink(std::function<Flow()> flow = nullptr) : flow_(std::move(flow)) {}

  Flow Push(v1::ExecutionEvent event) override {
    {
      std::lock_guard lock(mu_);
      if (event.has_output()) Add(event.output().stream(), event.output().data());
      if (event.sequence() <= last_sequence_) in_order_ = false;
      last_sequence_ = event.sequence();
      events_.push_back(std::move(event));
      changed_.notify_all();
    }
    return flow_ ? flow_() : Flow::kContinue;
  }
  Flow PushOutput(v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                  OutputStamp stamp) override {
    v1::ExecutionEvent event;
    event.mutable_output()->set_stream(stream);
    event.mutable_output()->set_data(std::string(data));
    event.set_sequence(stamp.sequence);
    event.set_time_unix_nanos(stamp.time_unix_nanos);
    return Push(std::move(event));
  }
  void End(absl::Status status) override {
    std::lock_guard lock(mu_);
    ++ends_;
    status_ = std::move(status);
    changed_.notify_all();
  }

  // False when it did not end.
  bool WaitForEnd() {
    return WaitFor([this] { return ends_ > 0; });
  }
  bool WaitForEvents(size_t count) {
    return WaitFor([this, count] { return events_.size() >= count; });
  }

  absl::Status status() const {
    std::lock_guard lock(mu_);
    return status_;
  }
  int ends() const {
    std::lock_guard lock(mu_);
    return ends_;
  }
  bool in_order() const {
    std::lock_guard lock(mu_);
    return in_order_;
  }
  std::vector<v1::ExecutionEvent> events() const {
    std::lock_guard lock(mu_);
    return events_;
  }
  std::string out() const {
    std::lock_guard lock(mu_);
    return out_;
  }
  std::string err() const {
    std::lock_guard lock(mu_);
    return err_;
  }
  // Of the last event.
  v1::ExecutionEvent::Finished finished() const {
    std::lock_guard lock(mu_);
    return events_.empty() ? v1::ExecutionEvent::Finished() : events_.back().finished();
  }
  v1::Termination::Kind kind() const { return finished().termination().kind(); }

 private:
  void Add(v1::ExecutionEvent::Output::Stream stream, const std::string& data) {
    (stream == v1::ExecutionEvent::Output::STDOUT ? out_ : err_) += data;
  }
  // Patience is for what comes next: megabytes come slowly where every access is looked at.
  template <class Done>
  bool WaitFor(Done done) {
    std::unique_lock lock(mu_);
    while (!done()) {
      const auto until = std::chrono::steady_clock::now() + absl::ToChronoSeconds(Patience());
      if (changed_.wait_until(lock, until) == std::cv_status::timeout) return done();
    }
    return true;
  }

  const std::function<Flow()> flow_;
  // With what it guards behind it.
  mutable std::mutex mu_;
  std::condition_variable changed_;
  int ends_ = 0;
  absl::Status status_;
  std::vector<v1::ExecutionEvent> events_;
  std::string out_;
  std::string err_;
  int64_t last_sequence_ = 0;
  bool in_order_ = true;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_SINK_H_
