#ifndef WARREN_TOOLS_WARREN_EXIT_CODE_H_
#define WARREN_TOOLS_WARREN_EXIT_CODE_H_

#include "warren/v1/common.pb.h"
#include "warren/v1/execution.pb.h"

namespace warren {

// Exit codes of `warren exec`; those of user code (0, 1, its own) apart. The same numbers as
// timeout(1), docker run and shells use where they have one.
inline constexpr int kExitPolicyViolation = 121;
inline constexpr int kExitOutputLimit = 122;
inline constexpr int kExitTimedOut = 124;
// Of `cp` and `ls`: something was left out, the rest is there.
inline constexpr int kExitLeftOut = 1;
// Of `packages verify`: something was not what it was, and is gone.
inline constexpr int kExitSpoilt = 1;
// Warren's own failure, or a wrong command line; the code may not have run.
inline constexpr int kExitWarren = 125;
inline constexpr int kExitCancelled = 130;
inline constexpr int kExitOutOfMemory = 137;
// Nobody reads our standard output any more: 128 + SIGPIPE.
inline constexpr int kExitBrokenPipe = 141;
// 128 + SIGXCPU.
inline constexpr int kExitCpuLimit = 152;

// The exit code that tells how a run ended. `error` is the cell's exception, for EXCEPTION:
// sys.exit() is one.
int ExitCodeFor(const v1::Termination& termination, const v1::ExecutionEvent::Error& error);

// True for the exception that sys.exit() raises: an end that the code wanted, and no fault to
// explain.
bool IsSystemExit(const v1::ExecutionEvent::Error& error);

// "timed out", "out of memory": what a run that did not come to its end is called in messages.
const char* DescribeTermination(v1::Termination::Kind kind);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_EXIT_CODE_H_
