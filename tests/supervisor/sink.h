#ifndef WARREN_TESTS_SUPERVISOR_SINK_H_
#define WARREN_TESTS_SUPERVISOR_SINK_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "supervisor/backend/backend.h"
#include "tests/support/patience.h"

namespace warren {

// Calls `ask(reply)` and waits for the answer.
template <class T, class Start>
absl::StatusOr<T> Ask(Start start) {
  struct Answer {
    absl::Notification there;
    absl::StatusOr<T> what = absl::UnknownError("no answer");
  };
  auto answer = std::make_shared<Answer>();
  start(Reply<T>([answer](absl::StatusOr<T> what) {
    answer->what = std::move(what);
    answer->there.Notify();
  }));
  if (!answer->there.WaitForNotificationWithTimeout(Patience())) {
    return absl::DeadlineExceededError("nothing answered");
  }
  return answer->what;
}

// Keeps what an execution says.
class CollectingSink final : public ExecutionSink {
 public:
  // What to answer to each push; kContinue where there is none.
  explicit CollectingSink(std::function<Flow()> flow = nullptr) : flow_(std::move(flow)) {}

  Flow Push(v1::ExecutionEvent event) override {
    {
      absl::MutexLock lock(&mu_);
      if (event.has_output()) Add(event.output().stream(), event.output().data());
      if (event.sequence() <= last_sequence_) in_order_ = false;
      last_sequence_ = event.sequence();
      events_.push_back(std::move(event));
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
    absl::MutexLock lock(&mu_);
    ++ends_;
    status_ = std::move(status);
  }

  // False when it did not end.
  bool WaitForEnd() {
    return WaitFor([this] { return ends_ > 0; });
  }
  bool WaitForEvents(size_t count) {
    return WaitFor([this, count] { return events_.size() >= count; });
  }

  absl::Status status() const {
    absl::MutexLock lock(&mu_);
    return status_;
  }
  int ends() const {
    absl::MutexLock lock(&mu_);
    return ends_;
  }
  bool in_order() const {
    absl::MutexLock lock(&mu_);
    return in_order_;
  }
  std::vector<v1::ExecutionEvent> events() const {
    absl::MutexLock lock(&mu_);
    return events_;
  }
  std::string out() const {
    absl::MutexLock lock(&mu_);
    return out_;
  }
  std::string err() const {
    absl::MutexLock lock(&mu_);
    return err_;
  }
  // Of the last event.
  v1::ExecutionEvent::Finished finished() const {
    absl::MutexLock lock(&mu_);
    return events_.empty() ? v1::ExecutionEvent::Finished() : events_.back().finished();
  }
  v1::Termination::Kind kind() const { return finished().termination().kind(); }

 private:
  void Add(v1::ExecutionEvent::Output::Stream stream, const std::string& data)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    (stream == v1::ExecutionEvent::Output::STDOUT ? out_ : err_) += data;
  }
  template <class Done>
  bool WaitFor(Done done) {
    absl::MutexLock lock(&mu_);
    return mu_.AwaitWithTimeout(absl::Condition(&done), Patience());
  }

  const std::function<Flow()> flow_;
  mutable absl::Mutex mu_;
  int ends_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::ExecutionEvent> events_ ABSL_GUARDED_BY(mu_);
  std::string out_ ABSL_GUARDED_BY(mu_);
  std::string err_ ABSL_GUARDED_BY(mu_);
  int64_t last_sequence_ ABSL_GUARDED_BY(mu_) = 0;
  bool in_order_ ABSL_GUARDED_BY(mu_) = true;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_SINK_H_
