#include "supervisor/session/execution.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/ids.h"

namespace warren {

using warren::v1::ExecutionEvent;

class Execution::SinkCall {
 public:
  explicit SinkCall(Execution& execution) ABSL_EXCLUSIVE_LOCKS_REQUIRED(execution.mu_)
      : execution_(execution) {
    execution_.in_sink_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  ~SinkCall() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    execution_.in_sink_.store(std::thread::id(), std::memory_order_relaxed);
    if (execution_.detach_wanted_.load(std::memory_order_relaxed)) execution_.DetachLocked();
  }
  SinkCall(const SinkCall&) = delete;
  SinkCall& operator=(const SinkCall&) = delete;

 private:
  Execution& execution_;
};

namespace {

bool GoesOn(warren::v1::OnDisconnect on_disconnect) {
  return on_disconnect == warren::v1::ON_DISCONNECT_CONTINUE;
}

}  // namespace

Execution::Execution(warren::v1::ExecuteCodeRequest request, std::shared_ptr<ExecutionSink> sink,
                     DetachedExecutions& detached)
    : id_(NewId("ex")),
      request_(std::move(request)),
      detached_(detached),
      sink_(std::move(sink)),
      replay_(detached.budget()),
      kept_(GoesOn(request_.on_disconnect()) || !request_.request_id().empty()),
      goes_on_(GoesOn(request_.on_disconnect())) {}

Execution::Execution(const warren::v1::RunScriptRequest& request,
                     std::shared_ptr<ExecutionSink> sink, DetachedExecutions& detached)
    : id_(NewId("ex")),
      detached_(detached),
      sink_(std::move(sink)),
      replay_(detached.budget()),
      kept_(GoesOn(request.on_disconnect()) || !request.request_id().empty()),
      goes_on_(GoesOn(request.on_disconnect())) {}

// ---- The producer -----------------------------------------------------------------------------

Flow Execution::PushOutput(Stream stream, absl::string_view data, int64_t time_unix_nanos) {
  MutexLock lock(&mu_);
  const ExecutionSink::OutputStamp stamp{time_unix_nanos, ++last_sequence_};
  if (Keeps()) replay_.AppendOutput(stream, data, stamp);
  if (sink_ == nullptr) return Flow::kContinue;
  SinkCall call(*this);
  return sink_->PushOutput(stream, data, stamp);
}

Flow Execution::Push(ExecutionEvent event, int64_t time_unix_nanos) {
  MutexLock lock(&mu_);
  event.set_time_unix_nanos(time_unix_nanos);
  event.set_sequence(++last_sequence_);
  if (Keeps()) replay_.Append(event);
  if (sink_ == nullptr) return Flow::kContinue;
  SinkCall call(*this);
  return sink_->Push(std::move(event));
}

void Execution::Finish(ExecutionEvent finished, int64_t time_unix_nanos) {
  MutexLock lock(&mu_);
  finished.set_time_unix_nanos(time_unix_nanos);
  finished.set_sequence(++last_sequence_);
  if (Keeps()) replay_.AppendLast(finished);
  if (sink_ != nullptr) {
    SinkCall call(*this);
    sink_->Push(std::move(finished));
  }
  End(absl::OkStatus());
}

void Execution::Fail(absl::Status status) {
  MutexLock lock(&mu_);
  End(std::move(status));
}

void Execution::End(absl::Status status) {
  ended_.store(true, std::memory_order_release);
  use_.End();
  end_status_ = status;
  if (Keeps()) detached_.Ended(id_);
  if (sink_ == nullptr) return;
  SinkCall call(*this);
  // What it holds is not needed any more, and may hold the operation that holds this.
  std::exchange(sink_, nullptr)->End(std::move(status));
}

// ---- The client -------------------------------------------------------------------------------

void Execution::DetachLocked() {
  detach_wanted_.store(false, std::memory_order_relaxed);
  sink_ = nullptr;
}

bool Execution::Detach(Client client) {
  if (in_sink_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    // The lock is this thread's own: done when the sink's call is over.
    if (ended() || !IsClient(client)) return false;
    detach_wanted_.store(true, std::memory_order_relaxed);
    return true;
  }
  MutexLock lock(&mu_);
  if (ended() || !IsClient(client)) return false;
  DetachLocked();
  return true;
}

absl::StatusOr<Execution::Client> Execution::Attach(std::shared_ptr<ExecutionSink> sink,
                                                    int64_t after_sequence, Rivals rivals,
                                                    warren::v1::OnDisconnect on_disconnect) {
  MutexLock lock(&mu_);
  if (after_sequence > last_sequence_) {
    return absl::InvalidArgumentError(absl::StrCat("after_sequence is ", after_sequence,
                                                   ", and the last event of the execution is ",
                                                   last_sequence_));
  }
  if (sink_ != nullptr) {
    if (rivals == Rivals::kRefused) {
      return absl::FailedPreconditionError(
          "the execution has its client; another can take its place when that one has left");
    }
    SinkCall call(*this);
    std::exchange(sink_, nullptr)
        ->End(absl::AbortedError("another client has taken this one's place"));
  }
  if (on_disconnect != warren::v1::ON_DISCONNECT_UNSPECIFIED) {
    goes_on_ = GoesOn(on_disconnect);
    if (goes_on()) kept_ = true;
  }
  const Client client = ++client_;
  sink_ = std::move(sink);
  SinkCall call(*this);
  replay_.Replay(after_sequence, last_sequence_, *sink_);
  if (ended()) {
    std::exchange(sink_, nullptr)->End(end_status_);
  } else if (!kept()) {
    replay_.Clear();
  }
  return client;
}

}  // namespace warren
