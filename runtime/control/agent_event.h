#ifndef WARREN_RUNTIME_CONTROL_AGENT_EVENT_H_
#define WARREN_RUNTIME_CONTROL_AGENT_EVENT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// Parses and bounds what an agent says: what the message's own comments promise of one event holds
// afterwards; what hangs on the events before it is the caller's. An agent is Warren's own program,
// but it lives in the sandbox. INVALID_ARGUMENT names what is wrong, without quoting it.
absl::Status ParseAgentEvent(absl::string_view frame, internal::AgentEvent* event);

}  // namespace warren

#endif  // WARREN_RUNTIME_CONTROL_AGENT_EVENT_H_
