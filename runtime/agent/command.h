#ifndef WARREN_RUNTIME_AGENT_COMMAND_H_
#define WARREN_RUNTIME_AGENT_COMMAND_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/agent/terminal.h"
#include "runtime/base/unique_fd.h"
#include "runtime/launch/child/agent_setup.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// A process of the sandbox: offered by the launcher, then started on the supervisor's word.
// Lifecycle: constructor → Start → TakeOutcome, when the failure pipe is readable → (its end) →
// destructor.
class Command {
 public:
  // `fds` as AgentCommandFd says.
  Command(const JoinRequest& confinement, std::vector<std::string> environment,
          std::vector<UniqueFd> fds)
      : confinement_(confinement), environment_(std::move(environment)), fds_(std::move(fds)) {
    // Until it executes its program its memory is a copy of the agent's, with what other commands
    // were given in it. Executing makes it as dumpable as its user is.
    confinement_.profile.flags &= ~kProfileDumpable;
  }

  bool started() const { return pid_ != 0; }
  // In the agent's pid namespace, not in the sandbox's; 0 before the start.
  pid_t pid() const { return pid_; }

  // Who it is, in the sandbox.
  uid_t uid() const { return confinement_.profile.uid; }
  gid_t gid() const { return confinement_.profile.gid; }

  // Forks it. What fails in the child comes over the failure pipe; what fails before is returned,
  // and there is no process then. `terminal`, or null: what its standard streams are; that gets its
  // pipes.
  SetupResult Start(const internal::StartCommand& request, Terminal* terminal);
  // The same of a command that serves one who waits at `listener`: its program is Warren's own,
  // and its standard input the connection.
  SetupResult StartServing(const UniqueFd& listener);

  // Readable when it has something about its start to say; -1 when that is known.
  int failure_pipe() const { return failure_.get(); }
  // What became of the start: OK that its program runs. Empty where that is not known yet.
  std::optional<SetupResult> TakeOutcome();
  // In the sandbox's pid namespace; known with the outcome, 0 where it did not come so far.
  pid_t inner_pid() const { return inner_pid_; }

 private:
  JoinRequest confinement_;
  // Of its profile.
  std::vector<std::string> environment_;
  std::vector<UniqueFd> fds_;
  UniqueFd failure_;
  // What came over it: the child's own pid, then a SetupResult where it failed.
  std::string said_;
  pid_t pid_ = 0;
  pid_t inner_pid_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_COMMAND_H_
