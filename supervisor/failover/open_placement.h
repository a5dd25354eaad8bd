#ifndef WARREN_SUPERVISOR_FAILOVER_OPEN_PLACEMENT_H_
#define WARREN_SUPERVISOR_FAILOVER_OPEN_PLACEMENT_H_

#include <memory>
#include <string>

#include "supervisor/failover/placements.h"

namespace warren {

// Has the placement's member open it. The handle is the member's own, but for one that is to be
// made anew, or was (RenamedSandbox).
void OpenPlacement(const std::shared_ptr<Placements>& placements, const Call& call,
                   const std::string& id, const Placement& placement,
                   Reply<std::shared_ptr<SandboxHandle>> reply);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_OPEN_PLACEMENT_H_
