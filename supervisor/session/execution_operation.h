#ifndef WARREN_SUPERVISOR_SESSION_EXECUTION_OPERATION_H_
#define WARREN_SUPERVISOR_SESSION_EXECUTION_OPERATION_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "supervisor/backend/backend.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/execution_runner.h"

namespace warren {

// What was refused ends without an event, and nothing can be done with it.
std::unique_ptr<Operation> RefuseExecution(ExecutionSink& sink, absl::Status why);

// How the clients of one sandbox come to its executions, and come back to them; the same for every
// backend that keeps executions. Thread-safe; what it is given outlives its operations, or is held
// by `keeps`.
struct ExecutionDesk {
  std::string sandbox_id;
  std::shared_ptr<const void> keeps;
  DetachedExecutions& detached;
  const MemoryBudget& memory;

  // The first client's.
  std::unique_ptr<Operation> Operate(std::shared_ptr<ExecutionRunner> runner,
                                     std::shared_ptr<Execution> execution) const;
  // The same request has come again: it goes on with what the first has started.
  std::unique_ptr<Operation> TakePlace(const DetachedExecutions::Found& found,
                                       std::shared_ptr<ExecutionSink> sink) const;
  // As SandboxHandle::Connect has it; `has_client` says of an id whether it runs with its client
  // connected.
  std::unique_ptr<Operation> Connect(
      const warren::v1::ConnectExecutionRequest& request, std::shared_ptr<ExecutionSink> sink,
      const std::function<bool(const std::string&)>& has_client) const;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_EXECUTION_OPERATION_H_
