#include "supervisor/session/termination.h"

#include <signal.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::Termination;

ContextEnd Exited(int code) { return {.known = true, .exit_code = code}; }
ContextEnd Signalled(int signal) { return {.known = true, .signal = signal}; }

TEST(TerminationTest, OfACellThatItsContextOutlived) {
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kNone, false).kind(), Termination::EXITED);
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kNone, true).kind(), Termination::EXCEPTION);
  // Whatever the code made of its interrupt, the reason for it counts.
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kTimeout, false).kind(), Termination::TIMED_OUT);
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kOutputLimit, true).kind(),
            Termination::OUTPUT_LIMIT);
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kCancelled, true).kind(), Termination::CANCELLED);
}

TEST(TerminationTest, OfACellThatEndedWithItsContext) {
  Termination exited = TerminationOfDeadCell(StopReason::kNone, Exited(3), "");
  EXPECT_EQ(exited.kind(), Termination::EXITED);
  EXPECT_EQ(exited.exit_code(), 3);
  Termination killed = TerminationOfDeadCell(StopReason::kNone, Signalled(SIGSEGV), "");
  EXPECT_EQ(killed.kind(), Termination::KILLED);
  EXPECT_EQ(killed.signal(), SIGSEGV);
  EXPECT_THAT(killed.message(), HasSubstr("SIGSEGV"));
  EXPECT_EQ(TerminationOfDeadCell(StopReason::kNone, Signalled(SIGSYS), "").kind(),
            Termination::POLICY_VIOLATION);
  ContextEnd memory = Signalled(SIGKILL);
  memory.out_of_memory = true;
  EXPECT_EQ(TerminationOfDeadCell(StopReason::kNone, memory, "").kind(),
            Termination::OUT_OF_MEMORY);
}

TEST(TerminationTest, OurReasonGoesBeforeTheSignalThatCarriedItOut) {
  const ContextEnd killed = Signalled(SIGKILL);
  EXPECT_EQ(TerminationOfDeadCell(StopReason::kTimeout, killed, "").kind(), Termination::TIMED_OUT);
  EXPECT_EQ(TerminationOfDeadCell(StopReason::kCpuLimit, killed, "").kind(),
            Termination::CPU_LIMIT);
  EXPECT_EQ(TerminationOfDeadCell(StopReason::kExpired, killed, "").kind(), Termination::KILLED);
  Termination violation =
      TerminationOfDeadCell(StopReason::kViolation, killed, "frame of length 0");
  EXPECT_EQ(violation.kind(), Termination::POLICY_VIOLATION);
  EXPECT_THAT(violation.message(), HasSubstr("frame of length 0"));
}

TEST(TerminationTest, ExplainsAWorkerThatWasCutOff) {
  for (int code : {71, 72, 73}) {
    ContextEnd exited;
    exited.known = true;
    exited.exit_code = code;
    Termination end = TerminationOfDeadCell(StopReason::kNone, exited, "");
    EXPECT_EQ(end.kind(), Termination::POLICY_VIOLATION) << code;
    EXPECT_THAT(end.message(), HasSubstr(code == 73 ? "setrlimit" : "control channel"));
  }
}

TEST(TerminationTest, AStoppedContextIsSaidToBeOne) {
  ContextEnd stopped;
  stopped.known = true;
  stopped.signal = SIGSTOP;
  Termination end = TerminationOfDeadCell(StopReason::kNone, stopped, "");
  EXPECT_EQ(end.kind(), Termination::KILLED);
  EXPECT_THAT(end.message(), HasSubstr("stopped by SIGSTOP"));
}

TEST(TerminationTest, SaysWhenNothingIsKnown) {
  EXPECT_EQ(TerminationOfDeadCell(StopReason::kNone, ContextEnd(), "").kind(), Termination::KILLED);
  ContextEnd closed;
  closed.closed_pipe = true;
  EXPECT_EQ(TerminationOfDeadCell(StopReason::kNone, closed, "").kind(),
            Termination::POLICY_VIOLATION);
}

}  // namespace
}  // namespace warren
