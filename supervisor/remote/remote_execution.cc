#include "supervisor/remote/remote_execution.h"

#include <utility>

#include "supervisor/remote/remote_call.h"

namespace warren {
namespace {

class RemoteOperation final : public Operation {
 public:
  explicit RemoteOperation(std::shared_ptr<RemoteExecution> execution)
      : execution_(std::move(execution)) {}
  void Resume() override { execution_->Resume(); }
  void Cancel() override { execution_->Cancel(); }

 private:
  const std::shared_ptr<RemoteExecution> execution_;
};

}  // namespace

void RemoteExecution::OnReadDone(bool ok) {
  if (!ok) return RemoveHold();
  finished_ = finished_ || event_.has_finished();
  bool drop;
  {
    MutexLock lock(&mu_);
    drop = cancelled_;
  }
  const Flow flow = drop ? Flow::kContinue : sink_->Push(std::exchange(event_, {}));
  if (flow == Flow::kPause) {
    MutexLock lock(&mu_);
    if (!std::exchange(resumed_, false) && !cancelled_) {
      paused_ = true;
      return;
    }
  }
  StartRead(&event_);
}

void RemoteExecution::Resume() {
  {
    MutexLock lock(&mu_);
    if (!std::exchange(paused_, false)) {
      resumed_ = true;
      return;
    }
  }
  StartRead(&event_);
}

void RemoteExecution::Cancel() {
  context_.TryCancel();
  {
    MutexLock lock(&mu_);
    cancelled_ = true;
    if (!std::exchange(paused_, false)) return;
  }
  // Nobody resumes what was cancelled, and only a read comes to the end.
  StartRead(&event_);
}

void RemoteExecution::OnDone(const grpc::Status& status) {
  // Released behind the End.
  auto self = std::exchange(self_, nullptr);
  absl::Status end = FromGrpc(context_, status);
  if (finished_) {
    end = absl::OkStatus();
  } else if (end.ok()) {
    end = absl::InternalError("the remote Warren ended the execution without saying how");
  }
  std::exchange(sink_, nullptr)->End(std::move(end));
}

std::unique_ptr<Operation> MakeOperation(std::shared_ptr<RemoteExecution> execution) {
  return std::make_unique<RemoteOperation>(std::move(execution));
}

}  // namespace warren
