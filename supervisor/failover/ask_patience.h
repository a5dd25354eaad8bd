#ifndef WARREN_SUPERVISOR_FAILOVER_ASK_PATIENCE_H_
#define WARREN_SUPERVISOR_FAILOVER_ASK_PATIENCE_H_

#include "absl/time/time.h"

namespace warren {

// How long one backend of several is waited for where the others' answers would do.
inline constexpr absl::Duration kAskPatience = absl::Seconds(5);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_ASK_PATIENCE_H_
