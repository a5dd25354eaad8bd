#ifndef WARREN_SUPERVISOR_SESSION_EXECUTION_RUNNER_H_
#define WARREN_SUPERVISOR_SESSION_EXECUTION_RUNNER_H_

#include <memory>

namespace warren {

class Execution;

// Where an execution runs: a context that has it as a cell, or a script. For any thread; a sink may
// call them, so what they do is done from a task of its own.
class ExecutionRunner {
 public:
  virtual ~ExecutionRunner() = default;
  // The client has room again, or has left.
  virtual void Resume(std::shared_ptr<Execution> execution) = 0;
  // The client gave up.
  virtual void Cancel(std::shared_ptr<Execution> execution) = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_EXECUTION_RUNNER_H_
