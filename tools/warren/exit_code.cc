#include "tools/warren/exit_code.h"

namespace warren {

int ExitCodeFor(const v1::Termination& termination) {
  switch (termination.kind()) {
    case v1::Termination::EXITED:
      return termination.exit_code() & 0xff;
    case v1::Termination::EXCEPTION:
      return 1;
    case v1::Termination::TIMED_OUT:
      return kExitTimedOut;
    case v1::Termination::OUT_OF_MEMORY:
      return kExitOutOfMemory;
    case v1::Termination::OUTPUT_LIMIT:
      return kExitOutputLimit;
    case v1::Termination::CANCELLED:
      return kExitCancelled;
    case v1::Termination::KILLED:
      // Without a known signal it was the sandbox's end: SIGKILL.
      return 128 +
             (termination.signal() > 0 && termination.signal() < 65 ? termination.signal() : 9);
    case v1::Termination::POLICY_VIOLATION:
      return kExitPolicyViolation;
    case v1::Termination::CPU_LIMIT:
      return kExitCpuLimit;
    default:
      return kExitWarren;
  }
}

const char* DescribeTermination(v1::Termination::Kind kind) {
  switch (kind) {
    case v1::Termination::EXITED:
      return "exited";
    case v1::Termination::EXCEPTION:
      return "exception";
    case v1::Termination::TIMED_OUT:
      return "timed out";
    case v1::Termination::OUT_OF_MEMORY:
      return "out of memory";
    case v1::Termination::OUTPUT_LIMIT:
      return "output limit reached";
    case v1::Termination::CANCELLED:
      return "cancelled";
    case v1::Termination::KILLED:
      return "killed";
    case v1::Termination::POLICY_VIOLATION:
      return "policy violation";
    case v1::Termination::CPU_LIMIT:
      return "CPU limit reached";
    default:
      return "ended in a way that this client does not know";
  }
}

}  // namespace warren
