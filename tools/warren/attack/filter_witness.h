#ifndef WARREN_TOOLS_WARREN_ATTACK_FILTER_WITNESS_H_
#define WARREN_TOOLS_WARREN_ATTACK_FILTER_WITNESS_H_

#include <linux/filter.h>
#include <sys/types.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The seccomp filters that are in force in a process, read and asked from the host: they say what
// they would answer to calls that this machine cannot make.
namespace warren::attack {

using Filters = std::vector<std::vector<sock_filter>>;

// The filters of a process, in the order of their installation; none where it has none. Traces the
// process for as long as that takes, and lets it go on. UNIMPLEMENTED where this kernel or this
// user may not read them.
absl::StatusOr<Filters> ReadFilters(pid_t pid);

// PERMISSION_DENIED unless the filters kill whoever makes a 32-bit call.
absl::Status Check32BitCallsAreKilled(const Filters& filters);

// PERMISSION_DENIED when the filters let a call of the x32 numbering pass.
absl::Status CheckX32CallsAreClosed(const Filters& filters);

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_FILTER_WITNESS_H_
