#ifndef WARREN_SUPERVISOR_SESSION_AGENT_COMMAND_LISTENER_H_
#define WARREN_SUPERVISOR_SESSION_AGENT_COMMAND_LISTENER_H_

#include <cstdint>

#include "warren/internal/agent.pb.h"

namespace warren {

// Hears what the agent says of one command: one of these, once. IO thread.
class AgentCommandListener {
 public:
  virtual ~AgentCommandListener() = default;
  virtual void OnStarted(int32_t pid) = 0;
  virtual void OnFailed(const internal::CommandFailed& failed) = 0;
  // Nothing will be said.
  virtual void OnAgentGone() = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_AGENT_COMMAND_LISTENER_H_
