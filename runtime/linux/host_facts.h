#ifndef WARREN_RUNTIME_LINUX_HOST_FACTS_H_
#define WARREN_RUNTIME_LINUX_HOST_FACTS_H_

#include "absl/status/statusor.h"
#include "warren/internal/plan.pb.h"

namespace warren {

// Looks at the running kernel and the mounted cgroup hierarchies; changes nothing. Works without
// privilege, but for tmpfs_user_xattr and socket_lookup, which stay false then. Not thread-safe:
// libcgroup keeps global state, so one thread of a process asks, once. FAILED_PRECONDITION when no
// cgroup hierarchy is mounted.
absl::StatusOr<internal::HostFacts> DetectHostFacts();

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_HOST_FACTS_H_
