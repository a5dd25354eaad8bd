#ifndef WARREN_RUNTIME_AGENT_COMMAND_H_
#define WARREN_RUNTIME_AGENT_COMMAND_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/unique_fd.h"
#include "runtime/launch/child/agent_setup.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// A process of the sandbox: offered by the launcher, then started on the supervisor's word.
// Lifecycle: constructor → Start → OnFailurePipe, when that is readable → (its end) → destructor.
class Command {
 public:
  // `fds` as AgentCommandFd says.
  Command(const JoinRequest& confinement, std::vector<std::string> environment,
          std::vector<UniqueFd> fds)
      : confinement_(confinement), environment_(std::move(environment)), fds_(std::move(fds)) {}

  bool started() const { return pid_ != 0; }
  // In the agent's pid namespace, not in the sandbox's; 0 before the start.
  pid_t pid() const { return pid_; }

  // Forks it. What fails in the child comes over the failure pipe; what fails before is returned,
  // and there is no process then.
  SetupResult Start(const internal::StartCommand& request);

  // Readable when its program runs or could not be executed; -1 when that was said already.
  int failure_pipe() const { return failure_.get(); }
  // What the pipe says: OK that the program runs.
  SetupResult TakeOutcome();

 private:
  JoinRequest confinement_;
  // Of its profile.
  std::vector<std::string> environment_;
  std::vector<UniqueFd> fds_;
  UniqueFd failure_;
  pid_t pid_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_COMMAND_H_
