#ifndef WARREN_SUPERVISOR_LOCAL_EXECUTION_OPERATION_H_
#define WARREN_SUPERVISOR_LOCAL_EXECUTION_OPERATION_H_

#include <memory>

#include "supervisor/backend/backend.h"
#include "supervisor/session/context.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/sandbox.h"

namespace warren {

// An execution in the hands of its client. Thread-safe: its calls may come from within the sink's.
class ExecutionOperation final : public Operation {
 public:
  // `context`, of `sandbox`, is where it runs.
  ExecutionOperation(std::shared_ptr<Sandbox> sandbox, std::shared_ptr<Context> context,
                     std::shared_ptr<Execution> execution, DetachedExecutions& detached)
      : sandbox_(std::move(sandbox)),
        context_(std::move(context)),
        execution_(std::move(execution)),
        detached_(detached) {}

  void Resume() override { context_->Resume(execution_); }
  void Cancel() override { context_->Cancel(execution_); }
  absl::Status Detach() override {
    // Of one that has ended, its sink has everything.
    if (!execution_->Detach()) return absl::OkStatus();
    detached_.Add(sandbox_->identity().id, context_, execution_);
    // Whoever was slow is gone.
    Resume();
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<Sandbox> sandbox_;
  const std::shared_ptr<Context> context_;
  const std::shared_ptr<Execution> execution_;
  DetachedExecutions& detached_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_EXECUTION_OPERATION_H_
