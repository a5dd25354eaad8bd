#ifndef WARREN_SUPERVISOR_SESSION_TERMINATION_H_
#define WARREN_SUPERVISOR_SESSION_TERMINATION_H_

#include "absl/strings/string_view.h"
#include "warren/v1/common.pb.h"

// What a client is told about how its cell ended. Pure; thread-safe.
namespace warren {

// Why a cell, a context or a whole sandbox was made to end.
enum class StopReason {
  kNone,
  kTimeout,
  kCancelled,
  kOutputLimit,
  kCpuLimit,
  // The context broke the control protocol.
  kViolation,
  // The client destroyed the sandbox.
  kDestroyed,
  // The sandbox's lifetime is over.
  kExpired,
  // The supervisor is stopping.
  kShutdown,
};

// How a context's process ended, as far as it is known.
struct ContextEnd {
  bool known = false;
  int exit_code = 0;
  int signal = 0;
  bool out_of_memory = false;
  // Its control pipe closed while the process was still there.
  bool closed_pipe = false;
  // Other contexts of its sandbox go on.
  bool sandbox_lives = false;
};

// The termination of a cell that the context outlived.
warren::v1::Termination TerminationOfLivingCell(StopReason stop, bool raised);
// The termination of a cell that ended with its context. `detail` says what a violation was.
warren::v1::Termination TerminationOfDeadCell(StopReason stop, const ContextEnd& end,
                                              absl::string_view detail);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_TERMINATION_H_
