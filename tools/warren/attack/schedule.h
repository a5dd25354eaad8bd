#ifndef WARREN_TOOLS_WARREN_ATTACK_SCHEDULE_H_
#define WARREN_TOOLS_WARREN_ATTACK_SCHEDULE_H_

#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "tools/warren/attack/suite.h"
#include "tools/warren/attack/verdict.h"

// The order of a suite: most probes spend their time waiting for an end that they provoke, so
// several run at once; those that measure, or use up what others need, run alone.
namespace warren::attack {

// Runs one probe; each is called from one thread at a time.
using Attacker = std::function<Outcome(const Probe&)>;
using Report = std::function<void(const Probe&, const Outcome&, absl::Duration took)>;

// Runs every probe once: first those that may have company, on all attackers at once, then the
// others one after the other on the first attacker. `report` is called in this order, from one
// thread at a time. `stopped` is asked from all threads; when it says true no probe starts, and
// those under way are not reported. Returns when all threads have ended.
void AttackAll(const std::vector<Attacker>& attackers, std::vector<Probe> probes,
               const std::function<bool()>& stopped, const Report& report);

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_SCHEDULE_H_
