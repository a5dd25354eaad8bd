#ifndef WARREN_RUNTIME_LINUX_PROCESS_H_
#define WARREN_RUNTIME_LINUX_PROCESS_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace warren {

// The process id, in the caller's pid namespace, of what a pidfd names. NOT_FOUND when it is
// reaped.
absl::StatusOr<pid_t> PidOf(int pidfd);

// Signals what a pidfd names; OK when it is gone already.
absl::Status SignalProcess(int pidfd, int signal);

// "<pid>-<start time in ticks>-<number of its pid namespace>": a name for a process that no later
// one has, nor one of another pid namespace.
absl::StatusOr<std::string> ProcessName(pid_t pid);

// Gives up, for good, every capability that the launcher does not need, in every set.
absl::Status KeepLauncherCapabilities();

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_PROCESS_H_
