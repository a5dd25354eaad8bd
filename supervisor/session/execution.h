#ifndef WARREN_SUPERVISOR_SESSION_EXECUTION_H_
#define WARREN_SUPERVISOR_SESSION_EXECUTION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/base/mutex.h"
#include "supervisor/session/replay_buffer.h"
#include "warren/v1/execution.pb.h"

namespace warren {

class DetachedExecutions;

// One cell on its way: what to run, and the way of its events to the sink that is attached. While
// none is, they wait in a bounded buffer; so one that keeps its client copies nothing.
//
// The producer (a context, its lock held) calls Push* and at last Finish or Fail. Detach and Attach
// are for any thread. The sink is called with this lock held; from within such a call it may call
// Detach of the same execution, and nothing else here.
class Execution {
 public:
  using Stream = warren::v1::ExecutionEvent::Output::Stream;

  // `request` is valid (ValidateExecute). `detached` outlives it.
  Execution(warren::v1::ExecuteCodeRequest request, std::shared_ptr<ExecutionSink> sink,
            DetachedExecutions& detached);

  const std::string& id() const { return id_; }

  // ---- Of the context that has it, under that one's lock.
  const warren::v1::ExecuteCodeRequest& request() const { return request_; }
  // To the worker's frame: it is needed no more.
  std::string TakeCode() { return std::move(*request_.mutable_code()); }
  // For the code while it waits.
  MemoryCharge& code_charge() { return code_charge_; }

  // ---- The producer
  Flow PushOutput(Stream stream, absl::string_view data, int64_t time_unix_nanos);
  Flow Push(warren::v1::ExecutionEvent event, int64_t time_unix_nanos);
  void Finish(warren::v1::ExecutionEvent finished, int64_t time_unix_nanos);
  // It ends without a Finished.
  void Fail(absl::Status status);

  // ---- The client
  // Nothing more comes to its sink, but for the rest of the call from within which this is called.
  // False when it has ended: its sink has had everything.
  bool Detach();
  // What came after `after_sequence` while nobody listened, and from then on what comes.
  // FAILED_PRECONDITION: it has its client.
  absl::Status Attach(std::shared_ptr<ExecutionSink> sink, int64_t after_sequence);
  bool ended() const { return ended_.load(std::memory_order_acquire); }

 private:
  // Marks, for its lifetime, that this thread is within a call of the sink's.
  class SinkCall;
  void DetachLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void End(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string id_;
  warren::v1::ExecuteCodeRequest request_;
  MemoryCharge code_charge_;
  DetachedExecutions& detached_;

  Mutex mu_;
  std::shared_ptr<ExecutionSink> sink_ ABSL_GUARDED_BY(mu_);
  ReplayBuffer replay_ ABSL_GUARDED_BY(mu_);
  int64_t last_sequence_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status end_status_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> ended_{false};
  std::atomic<std::thread::id> in_sink_;
  std::atomic<bool> detach_wanted_{false};
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_EXECUTION_H_
