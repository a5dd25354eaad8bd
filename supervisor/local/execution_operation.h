#ifndef WARREN_SUPERVISOR_LOCAL_EXECUTION_OPERATION_H_
#define WARREN_SUPERVISOR_LOCAL_EXECUTION_OPERATION_H_

#include <memory>
#include <utility>

#include "supervisor/backend/backend.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/execution_runner.h"
#include "supervisor/session/sandbox.h"

namespace warren {

// What was refused ends without an event, and nothing can be done with it.
inline std::unique_ptr<Operation> RefuseExecution(ExecutionSink& sink, absl::Status why) {
  class Refused final : public Operation {
   public:
    void Resume() override {}
    void Cancel() override {}
  };
  sink.End(std::move(why));
  return std::make_unique<Refused>();
}

// An execution in the hands of its client. Thread-safe: its calls may come from within the sink's.
class ExecutionOperation final : public Operation {
 public:
  // `runner`, of `sandbox`, is where it runs.
  ExecutionOperation(std::shared_ptr<Sandbox> sandbox, std::shared_ptr<ExecutionRunner> runner,
                     std::shared_ptr<Execution> execution, Execution::Client client,
                     DetachedExecutions& detached)
      : sandbox_(std::move(sandbox)),
        runner_(std::move(runner)),
        execution_(std::move(execution)),
        client_(client),
        detached_(detached) {}

  void Resume() override { runner_->Resume(execution_); }
  void Cancel() override {
    if (execution_->IsClient(client_)) runner_->Cancel(execution_);
  }
  Departure Disconnect() override {
    if (execution_->IsClient(client_) && !execution_->goes_on()) {
      Cancel();
      return Departure::kEnds;
    }
    Detach().IgnoreError();
    return Departure::kGoesOn;
  }
  absl::Status Detach() override {
    // Of one that has ended, its sink has everything.
    if (!execution_->Detach(client_)) return absl::OkStatus();
    detached_.Add(sandbox_->identity().id, runner_, execution_);
    // Whoever was slow is gone.
    Resume();
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<Sandbox> sandbox_;
  const std::shared_ptr<ExecutionRunner> runner_;
  const std::shared_ptr<Execution> execution_;
  const Execution::Client client_;
  DetachedExecutions& detached_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_EXECUTION_OPERATION_H_
