#ifndef WARREN_RUNTIME_LAUNCH_INIT_OPS_H_
#define WARREN_RUNTIME_LAUNCH_INIT_OPS_H_

#include "runtime/launch/child/setup.h"

namespace warren::child {

// Carries out the message's mount steps in order, inside the caller's own mount namespace. `fds`
// are the detached mounts, mount_fd_count of them. Returns the first step that failed.
SetupResult RunSetupOps(const InitSetup& setup, const int* fds);

// Sets the host name and brings the loopback interface up.
SetupResult SetUpNetworkIdentity(const char* hostname);

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_INIT_OPS_H_
