// Several contexts in one sandbox: how they are started, signalled and ended, each by itself, in
// the orders in which a launcher can say what it says.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::SandboxGone;
using internal::SignalProcess;
using ::testing::HasSubstr;
using warren::v1::Termination;

constexpr uint64_t kZygote = 7;
constexpr uint64_t kSecondProcess = 2;

class SandboxContextsTest : public SessionTest {
 protected:
  explicit SandboxContextsTest(int further_contexts = 1000)
      : SessionTest(int64_t{1} << 30, further_contexts) {}

  // What became of the start of a further context.
  class Start {
   public:
    Sandbox::ReadyCallback Callback() {
      return [state = state_](absl::Status status) {
        state->status = std::move(status);
        ++state->calls;
      };
    }
    bool reported() const { return state_->calls > 0; }
    absl::Status Wait() {
      if (!Eventually([this] { return reported(); })) {
        return absl::DeadlineExceededError("nothing was told");
      }
      return state_->status;
    }
    int calls() const { return state_->calls; }

   private:
    struct State {
      absl::Status status;
      std::atomic<int> calls{0};
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
  };

  void SetUp() override { sandbox = MakeReadySandbox(worker); }

  // Asks for one, as the launcher sees it.
  LauncherRequest Ask(const std::string& name, Start& start) {
    absl::Status asked = sandbox->StartContext(name, kZygote, start.Callback());
    EXPECT_TRUE(asked.ok()) << asked;
    return launcher.Expect(LauncherRequest::kStartProcess);
  }
  // Its worker is ready.
  std::unique_ptr<FakeWorker> StartReady(const std::string& name, uint64_t process_id) {
    Start start;
    auto started = launcher.ReplyStarted(Ask(name, start), process_id);
    started->SendReady();
    EXPECT_EQ(start.Wait(), absl::OkStatus());
    return started;
  }
  // The launcher is asked to signal this process, and says that it did.
  void ExpectSignal(uint64_t process_id, SignalProcess::Signal signal) {
    auto request = launcher.Expect(LauncherRequest::kSignalProcess);
    EXPECT_EQ(request.signal_process().sandbox_id(), "sb1");
    EXPECT_EQ(request.signal_process().process_id(), process_id);
    EXPECT_EQ(request.signal_process().signal(), signal);
    launcher.ReplyOk(request);
  }
  // It still runs cells, and nothing was asked of the launcher.
  void ExpectLives(const std::string& name, FakeWorker& its_worker) {
    auto context = sandbox->FindContext(name);
    ASSERT_NE(context, nullptr);
    auto after = std::make_shared<FakeSink>();
    auto execution = NewExecution(Cell("1"), after);
    ASSERT_EQ(context->Execute(execution), absl::OkStatus());
    auto request = its_worker.NextRequest();
    ASSERT_TRUE(request);
    its_worker.SendDone(request->execution_id());
    EXPECT_TRUE(after->WaitForEnd().ok());
    EXPECT_TRUE(after->termination().context_alive());
    EXPECT_TRUE(sandbox->alive());
    EXPECT_FALSE(launcher.Poll()) << "nothing is asked of the launcher";
  }
  // No context of it lives, and it goes on: one can be started.
  void ExpectLivesWithoutContexts(uint64_t next_process) {
    for (const auto& context : sandbox->contexts()) {
      EXPECT_TRUE(Eventually([&] { return !context->alive(); }));
    }
    EXPECT_TRUE(sandbox->alive());
    EXPECT_EQ(sandbox->death_reason(), "");
    EXPECT_EQ(host.further_contexts.taken(), 0);
    auto next = StartReady("next", next_process);
    ExpectLives("next", *next);
  }

  FakeWorker worker;
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
  std::shared_ptr<Sandbox> sandbox;
};

// ---- How one is started

TEST_F(SandboxContextsTest, OneIsStartedByTheLauncherAndThereWhenItsWorkerIsReady) {
  Start start;
  auto request = Ask("second", start);
  EXPECT_EQ(request.start_process().sandbox_id(), "sb1");
  EXPECT_EQ(request.start_process().zygote_id(), kZygote);
  EXPECT_EQ(request.start_process().kind(), internal::StartProcess::CONTEXT);
  auto second = launcher.ReplyStarted(request, kSecondProcess);
  Settle();
  EXPECT_FALSE(start.reported()) << "its worker has not said so";
  EXPECT_EQ(sandbox->FindContext("second"), nullptr) << "nobody can run, or interrupt, a cell";
  EXPECT_EQ(sandbox->contexts().size(), 1u);
  second->SendReady();
  EXPECT_EQ(start.Wait(), absl::OkStatus());
  EXPECT_EQ(host.further_contexts.taken(), 1);
  ExpectLives("second", *second);
  ExpectLives("", worker);
  EXPECT_EQ(sandbox->FindContext("default"), sandbox->FindContext(""));
  EXPECT_EQ(sandbox->FindContext("third"), nullptr);
}

TEST_F(SandboxContextsTest, AStartThatTheLauncherRefusesLeavesNothing) {
  Start start;
  launcher.Reply(Ask("second", start), absl::UnavailableError("the zygote is gone"));
  EXPECT_TRUE(absl::IsUnavailable(start.Wait()));
  EXPECT_EQ(host.further_contexts.taken(), 0);
  ExpectLives("", worker);
  // Its name is free.
  auto second = StartReady("second", kSecondProcess);
  ExpectLives("second", *second);
}

TEST_F(SandboxContextsTest, AReplyWithoutPipesIsAStartThatFailed) {
  Start start;
  launcher.ReplyOk(Ask("second", start));
  EXPECT_TRUE(absl::IsInternal(start.Wait()));
  ExpectSignal(0, SignalProcess::KILL);
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, AnExitRightBehindTheStartIsItsOwn) {
  Start start;
  auto request = Ask("second", start);
  WhileItStands([&] {
    auto second = launcher.ReplyStarted(request, kSecondProcess);
    launcher.SendProcessExited("sb1", 3, 0, false, kSecondProcess);
    second->CloseAll();
  });
  EXPECT_TRUE(absl::IsInternal(start.Wait()));
  EXPECT_EQ(start.calls(), 1);
  EXPECT_EQ(host.further_contexts.taken(), 0);
  EXPECT_EQ(sandbox->FindContext("second"), nullptr);
  ExpectLives("", worker);
  Start again;
  Ask("second", again);
  EXPECT_EQ(host.further_contexts.taken(), 1) << "its name is free";
}

TEST_F(SandboxContextsTest, AnExitBehindReadyIsItsOwnWhoeverHearsOfItFirst) {
  Start start;
  auto request = Ask("second", start);
  std::unique_ptr<FakeWorker> second;
  WhileItStands([&] {
    second = launcher.ReplyStarted(request, kSecondProcess);
    second->SendReady();
    launcher.SendProcessExited("sb1", 3, 0, false, kSecondProcess);
  });
  absl::Status told = start.Wait();
  ASSERT_TRUE(Eventually([&] { return host.further_contexts.taken() == 0; }));
  if (told.ok()) {
    EXPECT_FALSE(sandbox->FindContext("second")->alive());
  } else {
    EXPECT_EQ(sandbox->FindContext("second"), nullptr);
  }
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, OneWhoseSetUpFailsIsKilledAlone) {
  Start start;
  auto second = launcher.ReplyStarted(Ask("second", start), kSecondProcess);
  internal::WorkerEvent event;
  event.mutable_setup_failed()->set_stage("landlock");
  event.mutable_setup_failed()->set_error_number(EPERM);
  second->Send(event);
  EXPECT_THAT(std::string(start.Wait().message()), HasSubstr("landlock"));
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  EXPECT_TRUE(Eventually([&] { return second->Abandoned(); }));
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, OneThatIsNeverReadyIsKilledAlone) {
  Start start;
  auto request = Ask("second", start);
  SetPace(kHasty);
  auto second = launcher.ReplyStarted(request, kSecondProcess);
  EXPECT_TRUE(absl::IsDeadlineExceeded(start.Wait()));
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  // Even if its end is never told.
  EXPECT_TRUE(Eventually([&] { return second->Abandoned(); }));
  SetPace(kPatient);
  EXPECT_EQ(host.further_contexts.taken(), 0);
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, ALauncherThatGoesFailsTheStart) {
  Start start;
  Ask("second", start);
  launcher.Close();
  EXPECT_TRUE(absl::IsUnavailable(start.Wait()));
  EXPECT_EQ(start.calls(), 1);
  Start late;
  EXPECT_EQ(sandbox->StartContext("third", kZygote, late.Callback()), absl::OkStatus());
  EXPECT_TRUE(absl::IsUnavailable(late.Wait()));
  EXPECT_EQ(host.further_contexts.taken(), 0);
}

TEST_F(SandboxContextsTest, NamesAreTakenOnce) {
  auto second = StartReady("second", kSecondProcess);
  Start third;
  Ask("third", third);
  for (const char* name : {"second", "third", "default"}) {
    absl::Status refused = sandbox->StartContext(name, kZygote, [](absl::Status) { FAIL(); });
    EXPECT_TRUE(absl::IsAlreadyExists(refused)) << name << ": " << refused;
  }
}

// ---- How many there may be

TEST_F(SandboxContextsTest, TheirNumberInASandboxIsBounded) {
  std::vector<std::unique_ptr<FakeWorker>> workers;
  std::vector<Start> starts(Sandbox::kMaxContexts);
  for (size_t i = 1; i < Sandbox::kMaxContexts - 1; ++i) {
    workers.push_back(StartReady(absl::StrCat("c", i), i + 1));
  }
  // One that is being started counts, and so does one that is dead, until it is taken off.
  auto under_way = Ask("under way", starts[0]);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, 2);
  ASSERT_TRUE(Eventually([&] { return !sandbox->FindContext("c1")->alive(); }));
  absl::Status refused = sandbox->StartContext("more", kZygote, [](absl::Status) { FAIL(); });
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(sandbox->DeleteContext("c1"), absl::OkStatus());
  Ask("more", starts[1]);
  EXPECT_EQ(host.further_contexts.taken(), static_cast<int>(Sandbox::kMaxContexts) - 1);
}

class FewContextsTest : public SandboxContextsTest {
 protected:
  FewContextsTest() : SandboxContextsTest(/*further_contexts=*/1) {}
};

TEST_F(FewContextsTest, TheirNumberInAllSandboxesIsBounded) {
  auto second = StartReady("second", kSecondProcess);
  absl::Status refused = sandbox->StartContext("third", kZygote, [](absl::Status) { FAIL(); });
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("ulimit -Hn"));
  launcher.SendProcessExited("sb1", 0, 0, false, kSecondProcess);
  EXPECT_TRUE(Eventually([&] { return second->Abandoned(); }));
  auto third = StartReady("third", 3);
  ExpectLives("third", *third);
}

// ---- Signals and ends of one

TEST_F(SandboxContextsTest, AnInterruptIsForTheProcessOfItsContext) {
  auto second = StartReady("second", kSecondProcess);
  Begin(*sandbox->FindContext("second"), *second, sink);
  Begin(*sandbox->FindContext(""), worker, std::make_shared<FakeSink>());
  EXPECT_EQ(sandbox->FindContext("second")->Interrupt(), absl::OkStatus());
  ExpectSignal(kSecondProcess, SignalProcess::INTERRUPT);
  EXPECT_EQ(sandbox->FindContext("")->Interrupt(), absl::OkStatus());
  ExpectSignal(FakeLauncher::kFirstProcess, SignalProcess::INTERRUPT);
}

TEST_F(SandboxContextsTest, AnIgnoredInterruptEndsInTheKillOfItsContextAlone) {
  auto second = StartReady("second", kSecondProcess);
  SetPace(kHasty);
  Begin(*sandbox->FindContext("second"), *second, sink, WithTimeout(Cell("deaf"), 1));
  ExpectSignal(kSecondProcess, SignalProcess::INTERRUPT);
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  SetPace(kPatient);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::TIMED_OUT);
  EXPECT_FALSE(sink->termination().context_alive());
  EXPECT_THAT(sink->termination().message(), HasSubstr("restart that"));
  EXPECT_FALSE(sandbox->FindContext("second")->alive());
  EXPECT_TRUE(Eventually([&] { return second->Abandoned(); }));
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, TheFirstOneIsKilledAlone) {
  auto second = StartReady("second", kSecondProcess);
  SetPace(kHasty);
  Begin(*sandbox->FindContext(""), worker, sink, WithTimeout(Cell("deaf"), 1));
  ExpectSignal(FakeLauncher::kFirstProcess, SignalProcess::INTERRUPT);
  ExpectSignal(FakeLauncher::kFirstProcess, SignalProcess::KILL);
  SetPace(kPatient);
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::TIMED_OUT);
  ExpectLives("second", *second);
  launcher.SendProcessExited("sb1", 0, 0, false, kSecondProcess);
  ExpectLivesWithoutContexts(3);
}

TEST_F(SandboxContextsTest, EachHasAKillDeadlineOfItsOwn) {
  auto second = StartReady("second", kSecondProcess);
  auto third = StartReady("third", 3);
  SetPace(kHasty);
  auto third_sink = std::make_shared<FakeSink>();
  Begin(*sandbox->FindContext("second"), *second, sink, WithTimeout(Cell("deaf"), 1));
  ExpectSignal(kSecondProcess, SignalProcess::INTERRUPT);
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  Begin(*sandbox->FindContext("third"), *third, third_sink, WithTimeout(Cell("deaf"), 1));
  ExpectSignal(3, SignalProcess::INTERRUPT);
  ExpectSignal(3, SignalProcess::KILL);
  // A launcher that says nothing of their ends does not hold up what is told.
  for (const auto& each : {sink, third_sink}) {
    EXPECT_TRUE(each->WaitForEnd().ok());
    EXPECT_EQ(each->termination().kind(), Termination::TIMED_OUT);
  }
  SetPace(kPatient);
  // Late, and of no consequence.
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, 3);
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, TheDeathOfOneIsItsOwn) {
  auto second = StartReady("second", kSecondProcess);
  auto context = sandbox->FindContext("second");
  Begin(*context, *second, sink);
  launcher.SendProcessExited("sb1", 3, 0, false, kSecondProcess);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().exit_code(), 3);
  ExpectLives("", worker);
  EXPECT_EQ(sandbox->DeleteContext("second"), absl::OkStatus());
  EXPECT_EQ(sandbox->contexts().size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(sandbox->DeleteContext("second")));
  // What is told of a process that is forgotten, or never was, is of no consequence.
  launcher.SendProcessExited("sb1", 3, 0, false, kSecondProcess);
  launcher.SendProcessExited("sb1", 3, 0, false, 99);
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, TheFirstOneMayGoBeforeTheOther) {
  auto second = StartReady("second", kSecondProcess);
  launcher.SendProcessExited("sb1", 1, 0);
  ASSERT_TRUE(Eventually([&] { return !sandbox->FindContext("")->alive(); }));
  ExpectLives("second", *second);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  ExpectLivesWithoutContexts(3);
}

TEST_F(SandboxContextsTest, AViolationIsTheContextsOwn) {
  auto second = StartReady("second", kSecondProcess);
  Begin(*sandbox->FindContext("second"), *second, sink);
  second->SendDone(99);
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::POLICY_VIOLATION);
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, OneThatClosesItsPipeAndLivesOnIsKilled) {
  auto second = StartReady("second", kSecondProcess);
  Begin(*sandbox->FindContext("second"), *second, sink);
  SetPace(kHasty);
  second->CloseEvents();
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::POLICY_VIOLATION);
  ExpectLives("", worker);
}

// ---- The end of one while another is being started

TEST_F(SandboxContextsTest, OneIsStartedWhileTheFirstOneEnds) {
  Start start;
  auto request = Ask("second", start);
  launcher.SendProcessExited("sb1", 1, 0);
  ASSERT_TRUE(Eventually([&] { return !sandbox->FindContext("")->alive(); }));
  Settle();
  EXPECT_TRUE(sandbox->alive());
  auto second = launcher.ReplyStarted(request, kSecondProcess);
  Settle();
  EXPECT_TRUE(sandbox->alive());
  second->SendReady();
  EXPECT_EQ(start.Wait(), absl::OkStatus());
  ExpectLives("second", *second);
}

TEST_F(SandboxContextsTest, AStartThatFailsWhereNothingElseLivesIsNotTheEnd) {
  Start start;
  auto request = Ask("second", start);
  launcher.SendProcessExited("sb1", 1, 0);
  ASSERT_TRUE(Eventually([&] { return !sandbox->FindContext("")->alive(); }));
  launcher.Reply(request, absl::UnavailableError("the zygote is gone"));
  EXPECT_TRUE(absl::IsUnavailable(start.Wait()));
  ExpectLivesWithoutContexts(kSecondProcess);
}

TEST_F(SandboxContextsTest, AKillBesideOneThatIsBeingStartedReachesItsContextAlone) {
  Start start;
  auto request = Ask("second", start);
  sandbox->FindContext("")->Kill(StopReason::kTimeout);
  ExpectSignal(FakeLauncher::kFirstProcess, SignalProcess::KILL);
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  auto second = launcher.ReplyStarted(request, kSecondProcess);
  second->SendReady();
  EXPECT_EQ(start.Wait(), absl::OkStatus());
  ExpectLives("second", *second);
}

// ---- Deleted and restarted

TEST_F(SandboxContextsTest, ADeletedOneIsKilledAndOffTheListAtOnce) {
  auto second = StartReady("second", kSecondProcess);
  Begin(*sandbox->FindContext("second"), *second, sink);
  auto waiting = std::make_shared<FakeSink>();
  ASSERT_EQ(sandbox->FindContext("second")->Execute(NewExecution(Cell("2"), waiting)),
            absl::OkStatus());
  EXPECT_EQ(sandbox->DeleteContext("second"), absl::OkStatus());
  EXPECT_EQ(sandbox->FindContext("second"), nullptr);
  EXPECT_EQ(sandbox->contexts().size(), 1u);
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::CANCELLED);
  EXPECT_FALSE(sink->termination().context_alive());
  EXPECT_TRUE(absl::IsFailedPrecondition(waiting->WaitForEnd()));
  EXPECT_TRUE(Eventually([&] { return host.further_contexts.taken() == 0; }));
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, TheDefaultOneCanBeDeleted) {
  EXPECT_EQ(sandbox->DeleteContext(""), absl::OkStatus());
  ExpectSignal(FakeLauncher::kFirstProcess, SignalProcess::KILL);
  EXPECT_EQ(sandbox->FindContext(""), nullptr);
  EXPECT_EQ(sandbox->FindContext("default"), nullptr);
  EXPECT_TRUE(sandbox->contexts().empty());
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  ExpectLivesWithoutContexts(kSecondProcess);
  EXPECT_TRUE(absl::IsNotFound(sandbox->RestartContext("", kZygote, [](absl::Status) { FAIL(); })));
}

class RestartTest : public SandboxContextsTest {
 protected:
  // As the launcher sees it: the old one's kill, where it lives, and the new one's start.
  LauncherRequest AskRestart(const std::string& name, Start& start, uint64_t old_process) {
    EXPECT_EQ(sandbox->RestartContext(name, kZygote, start.Callback()), absl::OkStatus());
    if (old_process != 0) ExpectSignal(old_process, SignalProcess::KILL);
    return launcher.Expect(LauncherRequest::kStartProcess);
  }
};

TEST_F(RestartTest, AFreshOneTakesThePlace) {
  auto second = StartReady("second", kSecondProcess);
  auto third = StartReady("third", 3);
  auto old = sandbox->FindContext("second");
  Begin(*old, *second, sink);
  Start start;
  auto request = AskRestart("second", start, kSecondProcess);
  EXPECT_EQ(sandbox->FindContext("second"), old) << "until the new one is ready";
  EXPECT_TRUE(absl::IsFailedPrecondition(
      sandbox->RestartContext("second", kZygote, [](absl::Status) { FAIL(); })));
  EXPECT_TRUE(absl::IsFailedPrecondition(sandbox->DeleteContext("second")));
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::KILLED);
  auto fresh = launcher.ReplyStarted(request, 4);
  fresh->SendReady();
  EXPECT_EQ(start.Wait(), absl::OkStatus());
  ASSERT_EQ(sandbox->contexts().size(), 3u);
  EXPECT_EQ(sandbox->contexts()[1]->id(), "second") << "in its place";
  EXPECT_NE(sandbox->contexts()[1], old);
  EXPECT_EQ(host.further_contexts.taken(), 2);
  ExpectLives("second", *fresh);
  ExpectLives("third", *third);
}

TEST_F(RestartTest, TheOldOneMayDieAfterTheNewOneIsReady) {
  auto second = StartReady("second", kSecondProcess);
  Start start;
  auto fresh = launcher.ReplyStarted(AskRestart("second", start, kSecondProcess), 3);
  fresh->SendReady();
  EXPECT_EQ(start.Wait(), absl::OkStatus());
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  EXPECT_TRUE(Eventually([&] { return second->Abandoned(); }));
  EXPECT_EQ(sandbox->contexts().size(), 2u);
  EXPECT_EQ(host.further_contexts.taken(), 1);
  ExpectLives("second", *fresh);
}

TEST_F(RestartTest, TheDefaultOneIsFoundInItsNewForm) {
  launcher.SendProcessExited("sb1", 3, 0);
  ASSERT_TRUE(Eventually([&] { return !sandbox->FindContext("")->alive(); }));
  Start start;
  auto fresh = launcher.ReplyStarted(AskRestart("", start, 0), kSecondProcess);
  fresh->SendReady();
  EXPECT_EQ(start.Wait(), absl::OkStatus());
  EXPECT_EQ(sandbox->contexts().size(), 1u);
  EXPECT_EQ(host.further_contexts.taken(), 0) << "it is the sandbox's first one still";
  ExpectLives("", *fresh);
  ExpectLives("default", *fresh);
  EXPECT_EQ(sandbox->DeleteContext("default"), absl::OkStatus());
  ExpectSignal(kSecondProcess, SignalProcess::KILL);
  EXPECT_EQ(sandbox->FindContext(""), nullptr);
}

TEST_F(RestartTest, AStartThatFailsLeavesTheDeadOne) {
  auto second = StartReady("second", kSecondProcess);
  Start start;
  auto request = AskRestart("second", start, kSecondProcess);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, kSecondProcess);
  launcher.Reply(request, absl::UnavailableError("the zygote is gone"));
  EXPECT_TRUE(absl::IsUnavailable(start.Wait()));
  ASSERT_NE(sandbox->FindContext("second"), nullptr);
  EXPECT_FALSE(sandbox->FindContext("second")->alive());
  EXPECT_TRUE(Eventually([&] { return host.further_contexts.taken() == 0; }));
  // And again.
  Start again;
  auto fresh = launcher.ReplyStarted(AskRestart("second", again, 0), 3);
  fresh->SendReady();
  EXPECT_EQ(again.Wait(), absl::OkStatus());
  EXPECT_EQ(host.further_contexts.taken(), 1);
  ExpectLives("second", *fresh);
}

// ---- What one is made with

TEST_F(SandboxContextsTest, AWorkerIsToldWhatItsContextIsBeforeItIsReady) {
  Start start;
  ContextSpec spec;
  spec.language = "bash";
  spec.working_directory = "/tmp";
  spec.env = {{"A", "b"}};
  ASSERT_EQ(sandbox->StartContext("second", kZygote, start.Callback(), spec), absl::OkStatus());
  auto second = launcher.ReplyStarted(launcher.Expect(LauncherRequest::kStartProcess), 2);
  auto request = second->NextRequest();
  ASSERT_TRUE(request && request->has_configure());
  EXPECT_EQ(request->configure().language(), "bash");
  EXPECT_EQ(request->configure().working_directory(), "/tmp");
  ASSERT_EQ(request->configure().environment_size(), 1);
  EXPECT_EQ(request->configure().environment(0).text(), "b");
  second->SendReady();
  Settle();
  EXPECT_FALSE(start.reported());
  internal::WorkerEvent event;
  event.set_execution_id(request->execution_id());
  event.mutable_configured();
  second->Send(event);
  EXPECT_EQ(start.Wait(), absl::OkStatus());
  EXPECT_EQ(sandbox->FindContext("second")->spec().language, "bash");
  ExpectLives("second", *second);
}

TEST_F(SandboxContextsTest, ADirectoryThatCannotBeEnteredIsTheRequestsFault) {
  Start start;
  ContextSpec spec;
  spec.working_directory = "/nowhere";
  ASSERT_EQ(sandbox->StartContext("second", kZygote, start.Callback(), spec), absl::OkStatus());
  auto second = launcher.ReplyStarted(launcher.Expect(LauncherRequest::kStartProcess), 2);
  auto request = second->NextRequest();
  ASSERT_TRUE(request);
  second->SendReady();
  internal::WorkerEvent event;
  event.set_execution_id(request->execution_id());
  event.mutable_configured()->set_failed_step("working_directory");
  event.mutable_configured()->set_error_number(ENOENT);
  second->Send(event);
  const absl::Status status = start.Wait();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("working_directory is \"/nowhere\""));
  ExpectSignal(2, SignalProcess::KILL);
  EXPECT_EQ(sandbox->FindContext("second"), nullptr);
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, 2);
  ExpectLives("", worker);
}

TEST_F(SandboxContextsTest, CellsWaitForTheEnvironment) {
  sandbox->SetEnv({{"A", "b"}});
  auto configure = worker.NextRequest();
  ASSERT_TRUE(configure && configure->has_configure());
  auto context = sandbox->FindContext("");
  ASSERT_EQ(context->Execute(NewExecution(Cell("1"), sink)), absl::OkStatus());
  Settle();
  EXPECT_FALSE(worker.HasRequest());
  internal::WorkerEvent event;
  event.set_execution_id(configure->execution_id());
  event.mutable_configured();
  worker.Send(event);
  auto cell = worker.NextRequest();
  ASSERT_TRUE(cell && cell->has_execute());
  worker.SendDone(cell->execution_id());
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sandbox->env()->at("A"), "b");
}

TEST_F(SandboxContextsTest, AnAnswerToNoConfigureIsAViolation) {
  Begin(*sandbox->FindContext(""), worker, sink);
  internal::WorkerEvent event;
  event.set_execution_id(1);
  event.mutable_configured();
  worker.Send(event);
  ExpectSignal(FakeLauncher::kFirstProcess, SignalProcess::KILL);
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::POLICY_VIOLATION);
}

TEST_F(SandboxContextsTest, WhatALanguageHasNotIsTheRequestsFault) {
  auto execution = Begin(*sandbox->FindContext(""), worker, sink);
  internal::WorkerEvent event;
  event.set_execution_id(1);
  event.mutable_unimplemented()->set_what("user_expressions");
  event.mutable_unimplemented()->set_by_language(true);
  worker.Send(event);
  const absl::Status status = sink->WaitForEnd();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("user_expressions"));
  ExpectLives("", worker);
}

// ---- The end of the sandbox

TEST_F(SandboxContextsTest, DestroyEndsAllOfThemForItsReason) {
  auto second = StartReady("second", kSecondProcess);
  auto first_sink = std::make_shared<FakeSink>();
  Begin(*sandbox->FindContext(""), worker, first_sink);
  Begin(*sandbox->FindContext("second"), *second, sink);
  sandbox->Destroy(StopReason::kExpired);
  launcher.Expect(LauncherRequest::kDestroySandbox);
  launcher.SendProcessExited("sb1", 0, SIGKILL, true, kSecondProcess);
  launcher.SendGone("sb1", SandboxGone::DESTROYED);
  for (const auto& each : {first_sink, sink}) {
    EXPECT_TRUE(each->WaitForEnd().ok());
    EXPECT_THAT(each->termination().message(), HasSubstr("lifetime"));
  }
  EXPECT_FALSE(launcher.Poll()) << "nobody is killed one by one";
}

TEST_F(SandboxContextsTest, OutOfMemoryInOneEndsAllOfThem) {
  auto second = StartReady("second", kSecondProcess);
  auto first_sink = std::make_shared<FakeSink>();
  Begin(*sandbox->FindContext(""), worker, first_sink);
  Begin(*sandbox->FindContext("second"), *second, sink);
  launcher.SendProcessExited("sb1", 0, SIGKILL, true, kSecondProcess);
  Settle();
  EXPECT_FALSE(sink->ended()) << "whether it was for memory is not known yet";
  launcher.SendGone("sb1", SandboxGone::OUT_OF_MEMORY);
  for (const auto& each : {first_sink, sink}) {
    EXPECT_TRUE(each->WaitForEnd().ok());
    EXPECT_EQ(each->termination().kind(), Termination::OUT_OF_MEMORY);
  }
  EXPECT_TRUE(Eventually([this] { return died.load(); }));
  EXPECT_EQ(table.existing(), 0u);
  EXPECT_FALSE(launcher.Poll()) << "there is nothing left to destroy";
}

TEST_F(SandboxContextsTest, NothingIsStartedInASandboxThatEnds) {
  sandbox->Destroy(StopReason::kDestroyed);
  absl::Status refused = sandbox->StartContext("second", kZygote, [](absl::Status) { FAIL(); });
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
}

TEST_F(SandboxContextsTest, AStartUnderWayEndsWithTheSandbox) {
  Start start;
  auto request = Ask("second", start);
  sandbox->Destroy(StopReason::kDestroyed);
  launcher.Expect(LauncherRequest::kDestroySandbox);
  launcher.Reply(request, absl::CancelledError("its sandbox ended while it was being started"));
  EXPECT_TRUE(absl::IsCancelled(start.Wait()));
  launcher.SendGone("sb1", SandboxGone::DESTROYED);
  EXPECT_TRUE(Eventually([this] { return died.load(); }));
  EXPECT_EQ(host.further_contexts.taken(), 0);
}

TEST_F(SandboxContextsTest, ASandboxThatTheLauncherKnowsNoMoreHasEnded) {
  Start start;
  auto request = Ask("second", start);
  launcher.Reply(request, absl::NotFoundError("no such sandbox"));
  EXPECT_TRUE(absl::IsCancelled(start.Wait()));
  EXPECT_EQ(host.further_contexts.taken(), 0);
}

TEST_F(SandboxContextsTest, OneThatTakesItsSandboxAlongIsAStartThatEndedWithIt) {
  Start start;
  auto request = Ask("second", start);
  auto second = launcher.ReplyStarted(request, kSecondProcess);
  launcher.SendProcessExited("sb1", 3, 0, /*sandbox_ends=*/true, kSecondProcess);
  const absl::Status ended = start.Wait();
  EXPECT_TRUE(absl::IsCancelled(ended));
  EXPECT_THAT(std::string(ended.message()), HasSubstr("code 3")) << "why";
}

TEST_F(SandboxContextsTest, PipesThatComeTooLateAreClosed) {
  Start start;
  auto request = Ask("second", start);
  sandbox->Destroy(StopReason::kDestroyed);
  launcher.Expect(LauncherRequest::kDestroySandbox);
  auto second = launcher.ReplyStarted(request, kSecondProcess);
  EXPECT_TRUE(absl::IsCancelled(start.Wait()));
  EXPECT_TRUE(Eventually([&] { return second->Abandoned(); }));
  EXPECT_EQ(host.further_contexts.taken(), 0);
  launcher.SendGone("sb1", SandboxGone::DESTROYED);
  EXPECT_TRUE(Eventually([this] { return died.load(); }));
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(SandboxContextsTest, TheSandboxIsGoneBeforeTheStartIsAnswered) {
  Start start;
  auto request = Ask("second", start);
  launcher.SendGone("sb1", SandboxGone::INIT_DIED);
  EXPECT_TRUE(Eventually([this] { return died.load(); }));
  EXPECT_FALSE(sandbox->alive());
  launcher.Reply(request, absl::CancelledError("its sandbox ended while it was being started"));
  EXPECT_TRUE(absl::IsCancelled(start.Wait()));
  EXPECT_EQ(host.further_contexts.taken(), 0);
  EXPECT_FALSE(launcher.Poll()) << "there is nothing left to destroy";
}

TEST_F(SandboxContextsTest, ADestroyWhileNothingButAStartIsThereNeedsNoAnswer) {
  Start start;
  auto request = Ask("second", start);
  launcher.SendProcessExited("sb1", 1, 0);
  ASSERT_TRUE(Eventually([&] { return !sandbox->FindContext("")->alive(); }));
  Settle();
  sandbox->Destroy(StopReason::kDestroyed);
  ASSERT_FALSE(start.reported());
  launcher.Expect(LauncherRequest::kDestroySandbox);
  EXPECT_TRUE(Eventually([this] { return died.load(); })) << "the launcher is silent";
  launcher.Reply(request, absl::CancelledError("its sandbox ended while it was being started"));
  EXPECT_TRUE(absl::IsCancelled(start.Wait()));
}

TEST_F(SandboxContextsTest, NobodyNeedHoldASandboxWhoseStartIsUnderWay) {
  Start start;
  auto request = Ask("second", start);
  launcher.SendGone("sb1", SandboxGone::INIT_DIED);
  EXPECT_TRUE(Eventually([this] { return died.load(); }));
  std::weak_ptr<Sandbox> weak = std::exchange(sandbox, nullptr);
  launcher.Reply(request, absl::CancelledError("its sandbox ended while it was being started"));
  EXPECT_TRUE(absl::IsCancelled(start.Wait()));
  EXPECT_TRUE(Eventually([&] { return weak.expired(); })) << "and nothing keeps it";
}

// ---- What all of a sandbox use up together

class CpuSecondsTest : public SandboxContextsTest {
 protected:
  // Of a sandbox that has used its one second up.
  void SetUp() override {
    google::protobuf::RepeatedPtrField<internal::StatFile> kinds;
    kinds.Add()->set_kind(internal::StatFile::CPU_STAT);
    UniqueFd file(::memfd_create("cpu.stat", MFD_CLOEXEC));
    const std::string used_up = "usage_usec 2000000\nuser_usec 1500000\nsystem_usec 500000\n";
    ASSERT_EQ(::write(file.get(), used_up.data(), used_up.size()),
              static_cast<ssize_t>(used_up.size()));
    std::vector<UniqueFd> files;
    files.push_back(std::move(file));
    warren::v1::Limits limits;
    limits.set_cpu_seconds(1);
    sandbox = MakeReadySandbox(worker, limits, SandboxStats(kinds, std::move(files)));
  }
};

TEST_F(CpuSecondsTest, UsedUpTheyEndTheSandboxAndAllInIt) {
  auto second_worker = StartReady("second", kSecondProcess);
  auto second = sandbox->FindContext("second");
  auto bystander = std::make_shared<FakeSink>();
  // Both have begun before anything of the end can happen.
  OnLoop([&] {
    ASSERT_TRUE(second->Execute(NewExecution(Cell("1"), bystander)).ok());
    ASSERT_TRUE(sandbox->FindContext("")->Execute(NewExecution(Cell("1"), sink)).ok());
  });
  launcher.Expect(LauncherRequest::kDestroySandbox);
  launcher.SendGone("sb1", SandboxGone::DESTROYED);
  for (const auto& each : {bystander, sink}) {
    EXPECT_TRUE(each->WaitForEnd().ok());
    EXPECT_EQ(each->termination().kind(), Termination::CPU_LIMIT) << each->termination().message();
  }
  EXPECT_FALSE(launcher.Poll()) << "nobody is killed one by one";
}

}  // namespace
}  // namespace warren
