#ifndef WARREN_RUNTIME_AGENT_AGENT_H_
#define WARREN_RUNTIME_AGENT_AGENT_H_

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/agent/command.h"
#include "runtime/base/unique_fd.h"
#include "runtime/control/frame.h"
#include "runtime/launch/child/agent_setup.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// Warren's own process in a sandbox: starts its commands. One thread, for one in another pid
// namespace than its children's can have no second.
// Lifecycle: constructor → Serve. Its end is that of its commands: the launcher kills them.
class Agent {
 public:
  struct Channels {
    // From and to the launcher.
    UniqueFd orders;
    UniqueFd reports;
    // From and to the supervisor.
    UniqueFd requests;
    UniqueFd events;
    // Readable when a child has changed its state (signalfd).
    UniqueFd children;
  };
  explicit Agent(Channels channels) : channels_(std::move(channels)) {}

  // Until the launcher or the supervisor closes its end, or one of them breaks the protocol.
  // Returns the exit code.
  int Serve();

 private:
  // Each returns false where the agent has to end.
  // `starting`: whose failure pipes stand behind the fixed ones in `waits`.
  bool ServeOnce(const std::vector<pollfd>& waits, const std::vector<uint64_t>& starting);
  bool OnOrder();
  // All that are there.
  bool TakeOrders();
  bool OnRequests();
  bool OnRequest(absl::string_view frame);
  bool OnStart(const internal::StartCommand& request);
  bool OnSignal(const internal::SignalCommand& request);
  bool OnChildren();
  bool OnOutcome(uint64_t process_id);
  bool ReportExit(uint64_t process_id, int wait_status);
  bool TellStarted(uint64_t process_id, pid_t inner_pid);
  bool TellNotOffered(uint64_t process_id);
  bool TellFailed(uint64_t process_id, const SetupResult& result);
  bool Tell(const internal::AgentEvent& event);
  bool Flush();

  Channels channels_;
  FrameParser parser_;
  // Events that the supervisor has not read yet.
  std::string unsent_;
  std::map<uint64_t, Command> commands_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_AGENT_H_
