#ifndef WARREN_SUPERVISOR_FAILOVER_NO_SUCH_SANDBOX_H_
#define WARREN_SUPERVISOR_FAILOVER_NO_SUCH_SANDBOX_H_

#include "absl/status/status.h"

namespace warren {

// Also of another tenant's: who asks is told nothing else.
inline absl::Status NoSuchSandbox() {
  return absl::NotFoundError(
      "there is no such sandbox (it ended, or its lifetime did, or it never was)");
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_NO_SUCH_SANDBOX_H_
