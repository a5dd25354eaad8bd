#include "supervisor/session/termination.h"

#include <signal.h>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

using warren::v1::Termination;

Termination Make(Termination::Kind kind, absl::string_view message) {
  Termination termination;
  termination.set_kind(kind);
  termination.set_message(message.data(), message.size());
  return termination;
}

Termination MakeKilled(int signal, absl::string_view message) {
  Termination termination = Make(Termination::KILLED, message);
  termination.set_signal(signal);
  return termination;
}

std::string SignalName(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? absl::StrCat("SIG", name) : absl::StrCat("signal ", signal);
}

// Nobody asked it to end.
// A worker that user code has cut off says so by its exit status (worker.proto); one that lives on,
// or was replaced, by the end of its pipe. A program that ends itself with such a status is told
// the same.
constexpr int kExitBadRequest = 71;
constexpr int kExitChannelLost = 72;
constexpr int kExitBroken = 73;

absl::string_view LossByExitCode(int exit_code) {
  switch (exit_code) {
    case kExitBadRequest:
    case kExitChannelLost:
      return "the code closed or replaced the context's control channel (file descriptors 3 and "
             "4), or made it non-blocking, and the context ended; leave these two descriptors "
             "alone where you close or redirect others";
    case kExitBroken:
      return "the code took from its own process what the context needs to go on (memory, by "
             "resource.setrlimit for one), and the context ended; set such limits in a subprocess";
    default:
      return "";
  }
}

// They end no process by themselves: the launcher does, which tells of them.
bool IsStop(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

Termination OfItsOwnAccord(const ContextEnd& end) {
  if (end.out_of_memory) {
    return Make(Termination::OUT_OF_MEMORY,
                "the sandbox used more memory than its limit and was killed; use less, or create "
                "it with a higher "
                "memory limit");
  }
  if (end.signal == SIGSYS) {
    Termination termination =
        Make(Termination::POLICY_VIOLATION,
             "the code made a system call that the policy answers with death");
    termination.set_signal(SIGSYS);
    return termination;
  }
  if (end.closed_pipe) {
    return Make(Termination::POLICY_VIOLATION,
                "the code closed the context's control channel (file descriptor 4), or replaced "
                "the context by another program (exec), and the context was killed; leave file "
                "descriptors 3 and 4 alone, and start programs as subprocesses");
  }
  if (!end.known) return MakeKilled(0, "the context ended, and nothing told how");
  if (IsStop(end.signal)) {
    return MakeKilled(end.signal,
                      absl::StrCat("the context was stopped by ", SignalName(end.signal),
                                   "; stopped, it takes neither cells nor interrupts, so it was "
                                   "killed"));
  }
  if (end.signal != 0) {
    return MakeKilled(end.signal,
                      absl::StrCat("the context was ended by ", SignalName(end.signal)));
  }
  if (absl::string_view loss = LossByExitCode(end.exit_code); !loss.empty()) {
    return Make(Termination::POLICY_VIOLATION, loss);
  }
  Termination termination =
      Make(Termination::EXITED,
           absl::StrCat("the code ended its own process with exit code ", end.exit_code,
                        "; the context's state is gone: restart it"));
  termination.set_exit_code(end.exit_code);
  return termination;
}

}  // namespace

Termination TerminationOfLivingCell(StopReason stop, CodeEnd end) {
  Termination termination;
  switch (stop) {
    case StopReason::kTimeout:
      termination =
          Make(Termination::TIMED_OUT,
               "the cell ran to its timeout and was interrupted; the context keeps its state");
      break;
    case StopReason::kOutputLimit:
      termination = Make(Termination::OUTPUT_LIMIT,
                         "the cell produced more output than allowed and was interrupted; the "
                         "context keeps its state");
      break;
    case StopReason::kNone:
      if (end == CodeEnd::kReached) {
        termination.set_kind(Termination::EXITED);
      } else {
        termination = Make(Termination::EXCEPTION,
                           end == CodeEnd::kRaised ? "the code raised an exception"
                                                   : "the code did not run: its input files were "
                                                     "not all written");
      }
      break;
    default:
      termination =
          Make(Termination::CANCELLED, "the cell was cancelled; the context keeps its state");
      break;
  }
  termination.set_context_alive(true);
  return termination;
}

Termination TerminationOfDeadCell(StopReason stop, const ContextEnd& end,
                                  absl::string_view detail) {
  // What went with the cell.
  const absl::string_view context_or_sandbox =
      end.sandbox_lives ? " with its context: restart that" : " with its sandbox";
  switch (stop) {
    case StopReason::kNone:
      return OfItsOwnAccord(end);
    case StopReason::kTimeout:
      return Make(Termination::TIMED_OUT,
                  absl::StrCat("the cell ran to its timeout, ignored the interrupt and was killed",
                               context_or_sandbox));
    case StopReason::kCancelled:
      return Make(Termination::CANCELLED,
                  absl::StrCat("the cell was cancelled, ignored the interrupt and was killed",
                               context_or_sandbox));
    case StopReason::kOutputLimit:
      return Make(Termination::OUTPUT_LIMIT,
                  absl::StrCat("the cell produced more output than allowed, ignored the interrupt "
                               "and was killed",
                               context_or_sandbox));
    case StopReason::kCpuLimit:
      return Make(Termination::CPU_LIMIT, "the sandbox's CPU seconds are used up; it was killed");
    case StopReason::kViolation:
      return Make(Termination::POLICY_VIOLATION,
                  absl::StrCat("the ", end.sandbox_lives ? "context" : "sandbox",
                               " broke the control protocol and was killed: ", detail));
    case StopReason::kDeleted:
      return Make(Termination::CANCELLED, "the context was deleted while the cell ran");
    case StopReason::kRestarted:
      return MakeKilled(SIGKILL, "the context was restarted while the cell ran");
    case StopReason::kDestroyed:
      return MakeKilled(SIGKILL, "the sandbox was destroyed while the cell ran");
    case StopReason::kExpired:
      return MakeKilled(SIGKILL, "the sandbox's lifetime ended while the cell ran");
    case StopReason::kShutdown:
      return MakeKilled(SIGKILL, "the supervisor was stopped while the cell ran");
  }
  return MakeKilled(0, "the context ended");
}

Termination TerminationOfProcess(const ProcessEnd& end) {
  // Also where it ended before it could be killed: what there is of its output is not all.
  const bool stopped_for_it = end.stop == StopReason::kNone || end.stop == StopReason::kOutputLimit;
  if (end.output_cut && stopped_for_it && end.signal == 0) {
    return Make(Termination::OUTPUT_LIMIT,
                "the process produced more output than allowed; the rest of it was left out");
  }
  // It had ended by itself before it could be killed.
  if (end.signal == 0) {
    Termination termination = Make(Termination::EXITED, "");
    termination.set_exit_code(end.exit_code);
    return termination;
  }
  if (end.out_of_memory) {
    return Make(
        Termination::OUT_OF_MEMORY,
        "the sandbox used more memory than its limit and was killed with all its processes; "
        "use less, or create it with a higher memory limit");
  }
  switch (end.signal == SIGKILL ? end.stop : StopReason::kNone) {
    case StopReason::kNone:
      return MakeKilled(end.signal,
                        absl::StrCat("the process was ended by ", SignalName(end.signal)));
    case StopReason::kTimeout:
      return Make(Termination::TIMED_OUT, "the process ran to its timeout and was killed");
    case StopReason::kCancelled:
      return Make(Termination::CANCELLED, "its last client went, and the process was killed");
    case StopReason::kOutputLimit:
      return Make(Termination::OUTPUT_LIMIT,
                  "the process produced more output than allowed and was killed");
    case StopReason::kCpuLimit:
      return MakeKilled(end.signal, "the sandbox's CPU seconds are used up; it was killed");
    case StopReason::kViolation:
      return MakeKilled(end.signal, "the sandbox broke the control protocol and was killed");
    // Of contexts alone.
    case StopReason::kDeleted:
    case StopReason::kRestarted:
    case StopReason::kDestroyed:
      return MakeKilled(end.signal, "the sandbox was destroyed while the process ran");
    case StopReason::kExpired:
      return MakeKilled(end.signal, "the sandbox's lifetime ended while the process ran");
    case StopReason::kShutdown:
      return MakeKilled(end.signal, "the supervisor was stopped while the process ran");
  }
  return MakeKilled(end.signal, "the process was killed");
}

Termination TerminationOfScript(const ProcessEnd& end) {
  if (end.out_of_memory && end.signal != 0) return TerminationOfProcess(end);
  const bool killed = end.signal == SIGKILL;
  // Whatever it did then, it did because it was asked to end.
  if (end.asked) {
    const absl::string_view how = killed ? ", did not end when it was asked to (SIGTERM), and was "
                                           "killed with all that it had started"
                                         : " and was asked to end (SIGTERM), which it did";
    return end.stop == StopReason::kTimeout
               ? Make(Termination::TIMED_OUT, absl::StrCat("the script ran to its timeout", how))
               : Make(Termination::CANCELLED, absl::StrCat("the script was cancelled", how));
  }
  if (end.signal == SIGSYS) {
    Termination termination =
        Make(Termination::POLICY_VIOLATION,
             "the script made a system call that the policy answers with death");
    termination.set_signal(SIGSYS);
    return termination;
  }
  if (killed && end.stop == StopReason::kCpuLimit) {
    return Make(Termination::CPU_LIMIT,
                "the sandbox's CPU seconds are used up; it was killed with all its processes");
  }
  return TerminationOfProcess(end);
}

}  // namespace warren
