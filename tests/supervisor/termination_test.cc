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
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kNone, CodeEnd::kReached).kind(),
            Termination::EXITED);
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kNone, CodeEnd::kRaised).kind(),
            Termination::EXCEPTION);
  // Whatever the code made of its interrupt, the reason for it counts.
  const Termination not_begun = TerminationOfLivingCell(StopReason::kNone, CodeEnd::kNotBegun);
  EXPECT_EQ(not_begun.kind(), Termination::EXCEPTION);
  EXPECT_THAT(not_begun.message(), HasSubstr("did not run"));
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kTimeout, CodeEnd::kReached).kind(),
            Termination::TIMED_OUT);
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kOutputLimit, CodeEnd::kRaised).kind(),
            Termination::OUTPUT_LIMIT);
  EXPECT_EQ(TerminationOfLivingCell(StopReason::kCancelled, CodeEnd::kRaised).kind(),
            Termination::CANCELLED);
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

TEST(TerminationTest, OfAProcess) {
  EXPECT_EQ(TerminationOfProcess({.exit_code = 3}).exit_code(), 3);
  const Termination killed = TerminationOfProcess({.signal = SIGTERM});
  EXPECT_EQ(killed.kind(), Termination::KILLED);
  EXPECT_EQ(killed.signal(), SIGTERM);
  EXPECT_EQ(TerminationOfProcess({.stop = StopReason::kTimeout, .signal = SIGKILL}).kind(),
            Termination::TIMED_OUT);
  EXPECT_EQ(TerminationOfProcess({.signal = SIGSYS}).kind(), Termination::KILLED);
  // What ended by itself before it was killed for it has said more than is told, all the same.
  for (StopReason stop : {StopReason::kNone, StopReason::kOutputLimit}) {
    const ProcessEnd cut = {.stop = stop, .exit_code = 0, .output_cut = true};
    EXPECT_EQ(TerminationOfProcess(cut).kind(), Termination::OUTPUT_LIMIT);
    EXPECT_EQ(TerminationOfScript(cut).kind(), Termination::OUTPUT_LIMIT);
  }
  EXPECT_EQ(
      TerminationOfProcess({.signal = SIGKILL, .out_of_memory = true, .output_cut = true}).kind(),
      Termination::OUT_OF_MEMORY);
}

TEST(TerminationTest, OfAScriptAsOfACell) {
  EXPECT_EQ(TerminationOfScript({.exit_code = 3}).exit_code(), 3);
  EXPECT_EQ(TerminationOfScript({.signal = SIGTERM}).kind(), Termination::KILLED)
      << "somebody else's";
  EXPECT_EQ(TerminationOfScript({.signal = SIGSYS}).kind(), Termination::POLICY_VIOLATION);
  EXPECT_EQ(TerminationOfScript({.stop = StopReason::kCpuLimit, .signal = SIGKILL}).kind(),
            Termination::CPU_LIMIT);
  EXPECT_EQ(TerminationOfScript({.signal = SIGKILL, .out_of_memory = true}).kind(),
            Termination::OUT_OF_MEMORY);
  // Once it was asked to end, the reason for that counts.
  for (StopReason stop : {StopReason::kTimeout, StopReason::kCancelled}) {
    const auto kind =
        stop == StopReason::kTimeout ? Termination::TIMED_OUT : Termination::CANCELLED;
    for (int signal : {0, SIGTERM, SIGABRT, SIGKILL}) {
      const Termination told = TerminationOfScript({.stop = stop, .signal = signal, .asked = true});
      EXPECT_EQ(told.kind(), kind) << signal;
      EXPECT_EQ(told.message().find("killed") != std::string::npos, signal == SIGKILL) << signal;
    }
  }
}

}  // namespace
}  // namespace warren
