#ifndef WARREN_SUPERVISOR_SESSION_EXECUTION_H_
#define WARREN_SUPERVISOR_SESSION_EXECUTION_H_

#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "supervisor/session/event_stream.h"
#include "supervisor/session/ids.h"

namespace warren {

// One cell on its way: what to run, its bounds, and the stream on which it answers. Made by who
// asks, queued and run by the sandbox; both hold it. Immutable but for the stream.
struct Execution {
  struct Request {
    std::string code;
    absl::Duration timeout;
    int64_t max_output_bytes;
    // What else the client asked for, without the code.
    warren::v1::ExecuteCodeRequest options;
  };

  Execution(Request what, absl::AnyInvocable<void()> on_available)
      : id(NewId("ex")), request(std::move(what)), stream(std::move(on_available)) {}

  const std::string id;
  const Request request;
  EventStream stream;
};

// Why a cell, or a whole sandbox, was made to end.
enum class StopReason {
  kNone,
  kTimeout,
  kCancelled,
  kOutputLimit,
  kCpuLimit,
  // The sandbox broke the control protocol.
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
};

// The termination of a cell that the context outlived.
warren::v1::Termination TerminationOfLivingCell(StopReason stop, bool raised);
// The termination of a cell that ended with its context. `detail` says what a violation was.
warren::v1::Termination TerminationOfDeadCell(StopReason stop, const ContextEnd& end,
                                              absl::string_view detail);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_EXECUTION_H_
