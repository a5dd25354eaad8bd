#ifndef WARREN_SUPERVISOR_FAILOVER_BACKEND_LIST_H_
#define WARREN_SUPERVISOR_FAILOVER_BACKEND_LIST_H_

#include <memory>

#include "supervisor/failover/member_table.h"
#include "supervisor/failover/placements.h"
#include "supervisor/failover/prober.h"
#include "supervisor/failover/timers.h"

namespace warren {

// What is known of every backend of the configuration, in its order; those that are retired behind
// it. Pure but for the members' own state.
v1::ListBackendsResponse DescribeBackends(const Members& members, const Placements& placements,
                                          MonotonicTime now, Probed probed);

// Probes all members; `done` is called once, on the timers' thread, when all have answered or
// failed to, or kAskPatience is over.
void ProbeAll(const std::shared_ptr<Timers>& timers, const std::shared_ptr<Prober>& prober,
              const Members& members, Task done);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_BACKEND_LIST_H_
