#ifndef WARREN_RUNTIME_RELAY_CONFINE_H_
#define WARREN_RUNTIME_RELAY_CONFINE_H_

#include "absl/status/status.h"
#include "runtime/launch/child/setup.h"

namespace warren {

// Makes the caller a process with nothing but its sockets: an empty root, the profile's user, and
// the filter in the memfd. For a process that is root of its own user namespace and has a mount
// namespace of its own, before it has read a stranger's byte.
absl::Status ConfineRelay(const ProcessProfile& profile, int policy_memfd);

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_CONFINE_H_
