// What happens to cells while their sandbox is paused: it is as if no time passed for them.
#include <signal.h>

#include "gmock/gmock.h"
#include "supervisor/session/pause_control.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using ::testing::HasSubstr;
using warren::v1::Termination;

class PauseTest : public SessionTest {
 protected:
  // What became of a pause or a resume.
  struct Outcome {
    std::atomic<bool> done{false};
    absl::Status status;
    absl::Status Wait() {
      EXPECT_TRUE(Eventually([this] { return done.load(); }));
      return status;
    }
  };
  static PauseControl::Done Note(std::shared_ptr<Outcome> outcome) {
    return [outcome](absl::Status status) {
      outcome->status = std::move(status);
      outcome->done = true;
    };
  }
  std::shared_ptr<Outcome> AskPause(Sandbox& sandbox) {
    auto outcome = std::make_shared<Outcome>();
    sandbox.Pause(Note(outcome));
    return outcome;
  }
  std::shared_ptr<Outcome> AskResume(Sandbox& sandbox) {
    auto outcome = std::make_shared<Outcome>();
    sandbox.Resume(Note(outcome));
    return outcome;
  }
  void Pause(Sandbox& sandbox) {
    auto outcome = AskPause(sandbox);
    launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
    EXPECT_EQ(outcome->Wait(), absl::OkStatus());
  }
  void Resume(Sandbox& sandbox) {
    auto outcome = AskResume(sandbox);
    launcher.ReplyOk(launcher.Expect(LauncherRequest::kResumeSandbox));
    EXPECT_EQ(outcome->Wait(), absl::OkStatus());
  }
  // Nothing is asked of the launcher, however long one waits.
  void ExpectSilence() {
    absl::SleepFor(absl::Milliseconds(100));
    Settle();
    EXPECT_FALSE(launcher.Poll().has_value());
  }

  FakeWorker worker;
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
};

TEST_F(PauseTest, ADeadlineStandsStill) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  // Long enough to be paused before it is over, short enough to be waited for.
  const int timeout = PatienceMs() / 20;
  Begin(*context, worker, sink, WithTimeout(Cell("wait"), timeout));
  Pause(*sandbox);
  absl::SleepFor(absl::Milliseconds(timeout + 100));
  Settle();
  EXPECT_FALSE(launcher.Poll().has_value()) << "an interrupt";
  Resume(*sandbox);
  auto signal = launcher.Expect(LauncherRequest::kSignalProcess);
  EXPECT_EQ(signal.signal_process().signal(), internal::SignalProcess::INTERRUPT);
  launcher.ReplyOk(signal);
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::TIMED_OUT);
}

TEST_F(PauseTest, ACancelTakesEffectAfterTheResume) {
  auto sandbox = MakeReadySandbox(worker);
  SetPace(kHasty);
  auto context = sandbox->FindContext("");
  auto execution = Begin(*context, worker, sink);
  Pause(*sandbox);
  context->Cancel(execution);
  // Neither the interrupt nor, after a grace of milliseconds, the kill.
  ExpectSilence();
  EXPECT_FALSE(sink->ended());
  Resume(*sandbox);
  auto signal = launcher.Expect(LauncherRequest::kSignalProcess);
  EXPECT_EQ(signal.signal_process().signal(), internal::SignalProcess::INTERRUPT);
  launcher.ReplyOk(signal);
  // It is ignored.
  signal = launcher.Expect(LauncherRequest::kSignalProcess);
  EXPECT_EQ(signal.signal_process().signal(), internal::SignalProcess::KILL);
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::CANCELLED);
}

TEST_F(PauseTest, NoCellBeginsMeanwhileAndThoseThatWaitBeginAfterwards) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  Begin(*context, worker, sink);
  auto waiting = std::make_shared<FakeSink>();
  ASSERT_TRUE(context->Execute(NewExecution(Cell("2"), waiting)).ok());
  EXPECT_EQ(sandbox->Usable(), absl::OkStatus());
  Pause(*sandbox);
  for (const absl::Status& refused :
       {context->Execute(NewExecution(Cell("3"), std::make_shared<FakeSink>())),
        context->Interrupt(), sandbox->Usable(),
        sandbox->StartContext("more", 1, [](absl::Status) {})}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("resume it first"));
  }
  // Said before it stopped.
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  Settle();
  EXPECT_TRUE(waiting->events().empty());
  EXPECT_TRUE(sandbox->alive());
  Resume(*sandbox);
  EXPECT_TRUE(worker.NextRequest().has_value());
  worker.SendDone(2);
  EXPECT_TRUE(waiting->WaitForEnd().ok());
}

TEST_F(PauseTest, APauseThatIsRefusedChangesNothing) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  auto execution = Begin(*context, worker, sink);
  auto outcome = AskPause(*sandbox);
  auto request = launcher.Expect(LauncherRequest::kPauseSandbox);
  context->Cancel(execution);
  ExpectSilence();
  launcher.Reply(request, absl::UnavailableError("a process is being started"));
  EXPECT_TRUE(absl::IsUnavailable(outcome->Wait()));
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kSignalProcess));
  EXPECT_EQ(sandbox->Usable(), absl::OkStatus());
}

TEST_F(PauseTest, TheOrderIsThatOfTheAskingAndWhatIsSoAlreadyIsNotSent) {
  auto sandbox = MakeReadySandbox(worker);
  auto first = AskPause(*sandbox);
  auto second = AskPause(*sandbox);
  auto resume = AskResume(*sandbox);
  auto again = AskResume(*sandbox);
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kResumeSandbox));
  for (const auto& each : {first, second, resume, again}) EXPECT_EQ(each->Wait(), absl::OkStatus());
  ExpectSilence();
}

TEST_F(PauseTest, APausedSandboxIsDestroyedAndItsCellToldAtOnce) {
  auto sandbox = MakeReadySandbox(worker);
  SetPace(kHasty);
  Begin(*sandbox->FindContext(""), worker, sink);
  Pause(*sandbox);
  sandbox->Destroy(StopReason::kDestroyed);
  launcher.Expect(LauncherRequest::kDestroySandbox);
  // Without a word of the launcher's.
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::KILLED);
  auto late = AskResume(*sandbox);
  launcher.Reply(launcher.Expect(LauncherRequest::kResumeSandbox),
                 absl::NotFoundError("no such sandbox"));
  EXPECT_TRUE(absl::IsFailedPrecondition(late->Wait()));
}

TEST_F(PauseTest, ItsEndIsToldWhileItIsPaused) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  Pause(*sandbox);
  launcher.SendGone("sb1", internal::SandboxGone::OUT_OF_MEMORY);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::OUT_OF_MEMORY);
  EXPECT_TRUE(Eventually([&] { return died.load(); }));
}

// ---- Use

TEST_F(PauseTest, AnExecutionIsAUseUntilItEnds) {
  auto sandbox = MakeReadySandbox(worker);
  auto execution = NewExecution(Cell("1"), sink);
  execution->Hold(sandbox->Use());
  EXPECT_TRUE(sandbox->uses().in_use());
  ASSERT_TRUE(sandbox->FindContext("")->Execute(execution).ok());
  worker.NextRequest();
  const MonotonicTime before = UseMeter::CoarseNow();
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_TRUE(Eventually([&] { return !sandbox->uses().in_use(); })) << "though it is on record";
  EXPECT_GE(sandbox->uses().last_use(), before);
}

// ---- Limits

TEST_F(PauseTest, LimitsAreTheLaunchersFirst) {
  warren::v1::Limits limits;
  limits.set_memory_bytes(100);
  limits.set_pids(10);
  limits.set_output_bytes(1000);
  auto sandbox = MakeReadySandbox(worker, limits);
  warren::v1::Limits wanted;
  wanted.set_memory_bytes(200);
  wanted.set_output_bytes(5);
  for (const absl::Status& answer :
       {absl::FailedPreconditionError("it uses more"), absl::OkStatus()}) {
    auto outcome = std::make_shared<Outcome>();
    sandbox->ChangeLimits(wanted, Note(outcome));
    auto request = launcher.Expect(LauncherRequest::kSetLimits);
    EXPECT_EQ(request.set_limits().limits().memory_bytes(), 200);
    launcher.Reply(request, answer);
    EXPECT_EQ(outcome->Wait(), answer);
    EXPECT_EQ(sandbox->CurrentLimits().memory_bytes(), answer.ok() ? 200 : 100);
    EXPECT_EQ(sandbox->CurrentLimits().pids(), 10);
  }
  // A cell without a bound of its own has the sandbox's.
  warren::v1::ExecuteCodeRequest unbounded = Cell("1");
  unbounded.set_max_output_bytes(0);
  Begin(*sandbox->FindContext(""), worker, sink, unbounded);
  worker.SendOutput(1, "more than five");
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kSignalProcess));
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->output(), "more ");
  EXPECT_EQ(sink->termination().kind(), Termination::OUTPUT_LIMIT);
}

}  // namespace
}  // namespace warren
