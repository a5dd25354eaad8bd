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
  // The client deleted the context, or restarted it.
  kDeleted,
  kRestarted,
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
  // Its sandbox goes on without it.
  bool sandbox_lives = false;
};

// What became of the code of a cell that the context outlived.
enum class CodeEnd {
  kReached,
  kRaised,
  // An input file could not be written.
  kNotBegun,
};

// The termination of a cell that the context outlived.
warren::v1::Termination TerminationOfLivingCell(StopReason stop, CodeEnd end);
// The termination of a cell that ended with its context. `detail` says what a violation was.
warren::v1::Termination TerminationOfDeadCell(StopReason stop, const ContextEnd& end,
                                              absl::string_view detail);

// How a process beside the contexts ended.
struct ProcessEnd {
  // Why it was made to.
  StopReason stop = StopReason::kNone;
  // Of the two, the one that holds: exit code, or signal (not 0).
  int exit_code = 0;
  int signal = 0;
  // Its whole sandbox was.
  bool out_of_memory = false;
  // It was asked to end (SIGTERM) for that reason, before it would be killed.
  bool asked = false;
  // It said more than it might, and the rest was left out.
  bool output_cut = false;
};

// The termination of a command.
warren::v1::Termination TerminationOfProcess(const ProcessEnd& end);
// The same of a script, as a cell's is told.
warren::v1::Termination TerminationOfScript(const ProcessEnd& end);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_TERMINATION_H_
