#include "tools/warren/exit_code.h"

#include "absl/strings/numbers.h"

namespace warren {
namespace {

// As Python does it: nothing is 0, a number is itself, any other value is 1.
int CodeOfSystemExit(const std::string& value) {
  if (value.empty() || value == "None") return 0;
  int64_t code = 0;
  return absl::SimpleAtoi(value, &code) ? static_cast<int>(code & 0xff) : 1;
}

}  // namespace

bool IsSystemExit(const v1::ExecutionEvent::Error& error) { return error.name() == "SystemExit"; }

int ExitCodeFor(const v1::Termination& termination, const v1::ExecutionEvent::Error& error) {
  switch (termination.kind()) {
    case v1::Termination::EXITED:
      return termination.exit_code() & 0xff;
    case v1::Termination::EXCEPTION:
      return IsSystemExit(error) ? CodeOfSystemExit(error.value()) : 1;
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
