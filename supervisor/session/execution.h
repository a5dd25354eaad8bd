#ifndef WARREN_SUPERVISOR_SESSION_EXECUTION_H_
#define WARREN_SUPERVISOR_SESSION_EXECUTION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/session/replay_buffer.h"
#include "supervisor/session/sandbox_use.h"
#include "warren/v1/execution.pb.h"

namespace warren {

class DetachedExecutions;

// One cell or script on its way: what to run, and the way of its events to the sink that is
// attached. While none is, they wait in a bounded buffer. Of one that may be left without a word
// (CONTINUE, or a request id) they are kept there in any case, for what was sent last may not have
// arrived; so one that keeps its client copies nothing.
//
// The producer (a context, its lock held, or a script) calls Push* and at last Finish or Fail.
// Detach and Attach are for any thread. The sink is called with this lock held; from within such a
// call it may call Detach of the same execution, and nothing else here.
class Execution {
 public:
  using Stream = warren::v1::ExecutionEvent::Output::Stream;

  // `request` is valid (ValidateExecute). `detached` outlives it.
  Execution(warren::v1::ExecuteCodeRequest request, std::shared_ptr<ExecutionSink> sink,
            DetachedExecutions& detached);
  // Of a script, which is no cell: its request is not kept here.
  Execution(const warren::v1::RunScriptRequest& request, std::shared_ptr<ExecutionSink> sink,
            DetachedExecutions& detached);

  const std::string& id() const { return id_; }

  // ---- Of a cell, for the context that has it, under that one's lock.
  const warren::v1::ExecuteCodeRequest& request() const { return request_; }
  // To the worker's frame: it is needed no more.
  std::string TakeCode() { return std::move(*request_.mutable_code()); }
  google::protobuf::RepeatedPtrField<warren::v1::InputFile> TakeInputFiles() {
    return std::move(*request_.mutable_input_files());
  }
  // For the code and the input files while they wait.
  MemoryCharge& code_charge() { return code_charge_; }
  // Of its sandbox, until it ends. Before it is anybody's.
  void Hold(SandboxUse use) { use_ = std::move(use); }

  // ---- The producer
  Flow PushOutput(Stream stream, absl::string_view data, int64_t time_unix_nanos);
  Flow Push(warren::v1::ExecutionEvent event, int64_t time_unix_nanos);
  void Finish(warren::v1::ExecutionEvent finished, int64_t time_unix_nanos);
  // It ends without a Finished.
  void Fail(absl::Status status);

  // ---- The client. Each has a number: what one asks for that has lost its place is not done.
  using Client = uint64_t;
  static constexpr Client kFirstClient = 1;
  bool IsClient(Client client) const { return client_.load(std::memory_order_relaxed) == client; }
  // Nothing more comes to this client's sink, but for the rest of the call from within which this
  // is called. False when it has ended, and its sink has had everything; or another has its place.
  bool Detach(Client client = kFirstClient);
  // Whether a client that has one already loses its place, with ABORTED.
  enum class Rivals { kRefused, kReplaced };
  // What came after `after_sequence` and is kept, and from then on what comes; what the going of
  // the new client does, unspecified for as before. FAILED_PRECONDITION: it has its client.
  absl::StatusOr<Client> Attach(
      std::shared_ptr<ExecutionSink> sink, int64_t after_sequence, Rivals rivals = Rivals::kRefused,
      warren::v1::OnDisconnect on_disconnect = warren::v1::ON_DISCONNECT_UNSPECIFIED);
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  // It is on record from its start.
  bool kept() const { return kept_.load(std::memory_order_relaxed); }
  bool goes_on() const { return goes_on_.load(std::memory_order_relaxed); }

 private:
  // Marks, for its lifetime, that this thread is within a call of the sink's.
  class SinkCall;
  void DetachLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Keeps() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return sink_ == nullptr || kept(); }
  void End(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string id_;
  warren::v1::ExecuteCodeRequest request_;
  MemoryCharge code_charge_;
  SandboxUse use_;
  DetachedExecutions& detached_;

  Mutex mu_;
  std::shared_ptr<ExecutionSink> sink_ ABSL_GUARDED_BY(mu_);
  ReplayBuffer replay_ ABSL_GUARDED_BY(mu_);
  int64_t last_sequence_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status end_status_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> ended_{false};
  std::atomic<Client> client_{kFirstClient};
  // Written under the lock.
  std::atomic<bool> kept_;
  std::atomic<bool> goes_on_;
  std::atomic<std::thread::id> in_sink_;
  std::atomic<bool> detach_wanted_{false};
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_EXECUTION_H_
