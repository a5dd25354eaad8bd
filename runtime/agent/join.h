#ifndef WARREN_RUNTIME_AGENT_JOIN_H_
#define WARREN_RUNTIME_AGENT_JOIN_H_

#include "runtime/launch/child/agent_setup.h"

namespace warren {

// Makes the calling process, root of the template's user namespace as the anchor made it, root of
// the sandbox whose init `fds` names (AgentSetupFd), in all of its namespaces but one: it stays in
// the anchor's pid namespace, where nothing inside can name it, and only its children are born in
// the sandbox's. Then it gives up what it does not need. Before it, the process has entered the
// sandbox's cgroups.
SetupResult JoinSandbox(const AgentSetup& setup, const int* fds);

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_JOIN_H_
