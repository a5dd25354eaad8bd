#ifndef WARREN_SUPERVISOR_REMOTE_REMOTE_EXECUTION_H_
#define WARREN_SUPERVISOR_REMOTE_REMOTE_EXECUTION_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/mutex.h"
#include "supervisor/remote/remote_call.h"
#include "warren/v1/execution.grpc.pb.h"

namespace warren {

// The stream of one execution: reads as long as the sink has room, so that a slow client of ours
// holds the remote execution up as it would one here.
//
// Lifecycle: Begin → events to the sink → its End; then it lives as long as its operation.
// Thread-safe.
class RemoteExecution final : public grpc::ClientReadReactor<v1::ExecutionEvent>,
                              public std::enable_shared_from_this<RemoteExecution> {
 public:
  explicit RemoteExecution(std::shared_ptr<ExecutionSink> sink) : sink_(std::move(sink)) {}

  // `start(context, reactor)` is the stub's call of the method, with its request.
  template <class Start>
  void Begin(const Call& call, Start start);

  void Resume();
  // The remote one cancels the cell when it notices that its client is gone.
  void Cancel();

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  grpc::ClientContext context_;
  v1::ExecutionEvent event_;
  // Gone after its End: it may own the operation, which owns this.
  std::shared_ptr<ExecutionSink> sink_;
  bool finished_ = false;
  // While gRPC uses it.
  std::shared_ptr<RemoteExecution> self_;

  Mutex mu_;
  // No read is under way: the sink is full.
  bool paused_ ABSL_GUARDED_BY(mu_) = false;
  // Resumed before the pause began.
  bool resumed_ ABSL_GUARDED_BY(mu_) = false;
  // What comes is dropped, and nothing pauses any more.
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

template <class Start>
void RemoteExecution::Begin(const Call& call, Start start) {
  self_ = shared_from_this();
  Prepare(context_, call);
  start(&context_, this);
  // Until the stream has ended: reads after a pause begin outside of what gRPC calls.
  AddHold();
  StartRead(&event_);
  StartCall();
}

std::unique_ptr<Operation> MakeOperation(std::shared_ptr<RemoteExecution> execution);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_EXECUTION_H_
