// Scripts over a launcher and an agent that the test plays: their file, their process, their end.
#include "supervisor/session/script.h"

#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "supervisor/backend/validate.h"
#include "supervisor/session/process_table.h"
#include "tests/supervisor/fake_agent.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::AgentRequest;
using internal::LauncherRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using warren::v1::RunScriptRequest;
using warren::v1::Termination;

class ScriptTest : public SessionTest {
 protected:
  static constexpr uint64_t kNumber = 5;

  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    sandbox = MakeReadySandbox(worker);
  }
  // What is still open at its agent ends with the sandbox, which it would else keep.
  void TearDown() override {
    if (sandbox->alive()) launcher.SendGone("sb1", internal::SandboxGone::DESTROYED);
    EXPECT_TRUE(Eventually([this] { return !sandbox->alive(); }));
    Settle();
    detached.ForgetSandbox("sb1");
    EXPECT_EQ(script.use_count(), 1) << "it is kept by nobody";
    SessionTest::TearDown();
  }
  static RunScriptRequest Source(const std::string& source = "1") {
    RunScriptRequest request;
    request.set_source(source);
    request.set_max_output_bytes(1 << 20);
    return request;
  }
  void Start(RunScriptRequest request) {
    EXPECT_EQ(ValidateRunScript(request), absl::OkStatus());
    execution = std::make_shared<Execution>(request, sink, detached);
    Script::Spec spec;
    spec.request = std::move(request);
    spec.user = {1000, 1001};
    spec.interpreter = {"interpreter", "-o"};
    spec.charge = MemoryCharge(&budget);
    EXPECT_TRUE(spec.charge.TryAdd(static_cast<int64_t>(spec.request.ByteSizeLong())));
    script = std::make_shared<Script>(host, detached, sandbox, std::move(spec), execution);
    script->Start();
  }
  AgentRequest NextOf(AgentRequest::RequestCase kind) {
    AgentRequest request = agent.NextRequest();
    EXPECT_EQ(request.request_case(), kind) << request.ShortDebugString();
    return request;
  }
  void SayEnd(uint64_t stream_id, internal::StreamEnd::Outcome outcome = internal::StreamEnd::OK,
              int error = 0) {
    internal::AgentEvent event;
    event.mutable_end()->set_stream_id(stream_id);
    event.mutable_end()->set_outcome(outcome);
    event.mutable_end()->set_error(error);
    agent.Say(event);
  }
  // The agent is there, and has been asked for the script's file; nothing answered yet.
  internal::FileCall AskedForFile() {
    agent.Start(launcher, launcher.Expect(LauncherRequest::kStartProcess));
    return NextOf(AgentRequest::kCall).call();
  }
  // Its source is written.
  void Write() {
    const internal::FileCall call = AskedForFile();
    path = call.write().path();
    while (true) {
      const internal::StreamData data = NextOf(AgentRequest::kData).data();
      written += data.data();
      if (data.last()) break;
    }
    SayEnd(call.stream_id());
  }
  // Its process is offered, and told to the agent.
  void Begin() {
    const auto asked = launcher.Expect(LauncherRequest::kStartProcess);
    EXPECT_EQ(asked.start_process().kind(), internal::StartProcess::COMMAND);
    command.Offer(launcher, asked, kNumber);
    start = NextOf(AgentRequest::kStart).start();
  }
  void Run(RunScriptRequest request = Source()) {
    Start(std::move(request));
    Write();
    Begin();
    agent.SayStarted(kNumber);
    EXPECT_TRUE(Eventually([&] { return !sink->execution_id().empty(); }));
  }
  void Exit(int exit_code, int signal = 0) {
    command.CloseAll();
    launcher.SendProcessExited("sb1", exit_code, signal, false, kNumber);
  }
  // The directory of its source is removed; until that its end is not told.
  void Remove() {
    const internal::FileCall call = NextOf(AgentRequest::kCall).call();
    EXPECT_EQ(absl::StrCat(call.remove().path(), "/script"), path);
    EXPECT_TRUE(call.remove().recursive());
    EXPECT_FALSE(sink->ended());
    SayEnd(call.stream_id());
  }
  void ExpectSignal(int signal) {
    const internal::SignalCommand sent = NextOf(AgentRequest::kSignal).signal();
    EXPECT_EQ(sent.process_id(), kNumber);
    EXPECT_EQ(sent.signal(), signal);
  }
  void ExpectKilled() {
    const auto request = launcher.Expect(LauncherRequest::kSignalProcess);
    EXPECT_EQ(request.signal_process().process_id(), kNumber);
    EXPECT_EQ(request.signal_process().signal(), internal::SignalProcess::KILL);
    launcher.ReplyOk(request);
  }
  void ExpectNothingLeft() {
    EXPECT_TRUE(sink->well_formed());
    EXPECT_FALSE(sandbox->HasScript(execution->id()));
    EXPECT_EQ(host.running_cells.load(), 0);
    OnLoop([&] { EXPECT_EQ(sandbox->processes()->running(), 0u); });
  }

  FakeWorker worker;
  FakeAgent agent;
  FakeCommand command;
  std::shared_ptr<Sandbox> sandbox;
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
  std::shared_ptr<Execution> execution;
  std::shared_ptr<Script> script;
  std::string path;
  std::string written;
  internal::StartCommand start;
};

TEST_F(ScriptTest, ItsSourceIsAFileOfItsUsersThatNobodyCanName) {
  Start(Source("print(1)"));
  const internal::FileCall call = AskedForFile();
  EXPECT_EQ(call.uid(), 1000u);
  EXPECT_EQ(call.gid(), 1001u);
  EXPECT_THAT(call.write().path(), ::testing::MatchesRegex("/tmp/script-[0-9a-z]+/script"));
  EXPECT_TRUE(call.write().exclusive());
  EXPECT_EQ(call.write().mode(), 0700u);
  EXPECT_TRUE(sandbox->HasScript(execution->id()));
  EXPECT_EQ(host.running_cells.load(), 1);
  EXPECT_EQ(NextOf(AgentRequest::kData).data().data(), "print(1)");
  SayEnd(call.stream_id(), internal::StreamEnd::FAILED, ENOSPC);
  // A directory may have been made.
  const internal::FileCall removal = NextOf(AgentRequest::kCall).call();
  EXPECT_EQ(absl::StrCat(removal.remove().path(), "/script"), call.write().path());
  SayEnd(removal.stream_id(), internal::StreamEnd::FAILED, ENOENT);
  EXPECT_TRUE(absl::IsResourceExhausted(sink->WaitForEnd()));
  EXPECT_TRUE(sink->events().empty());
  ExpectNothingLeft();
}

TEST_F(ScriptTest, ItRunsWithWhatItWasGivenAndIsToldAsAnExecution) {
  const std::string source(64 << 10, '#');
  auto request = Source(source);
  request.add_arguments("-x");
  request.add_arguments("two words");
  (*request.mutable_env())["A"] = "own";
  request.set_working_directory("sub");
  request.set_standard_input("its input");
  Run(request);
  EXPECT_EQ(written, source);
  EXPECT_THAT(start.argv(), ElementsAre("interpreter", "-o", path, "-x", "two words"));
  EXPECT_THAT(start.environment(), ElementsAre("A=own"));
  EXPECT_EQ(start.working_directory(), "/home/user/sub");
  EXPECT_EQ(sink->events().front().started().process_id(), "p5");
  EXPECT_EQ(sink->execution_id(), execution->id());
  char input[64] = {};
  EXPECT_EQ(::read(command.in.get(), input, sizeof(input)), 9);
  EXPECT_STREQ(input, "its input");
  EXPECT_EQ(::read(command.in.get(), input, sizeof(input)), 0) << "and its end";
  command.Say("said");
  EXPECT_TRUE(Eventually([&] { return sink->output() == "said"; }));
  Exit(4);
  Remove();
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  const auto events = sink->events();
  EXPECT_EQ(events.back().sequence(), static_cast<int64_t>(events.size()));
  EXPECT_EQ(sink->termination().kind(), Termination::EXITED);
  EXPECT_EQ(sink->termination().exit_code(), 4);
  EXPECT_EQ(events.back().finished().usage().output_bytes(), 4);
  ExpectNothingLeft();
  EXPECT_LT(budget.used(), 8 << 10) << "of the process that has ended and is kept";
}

TEST_F(ScriptTest, AFileOfTheSandboxIsLookedAtBeforeAnythingStarts) {
  RunScriptRequest request = Source();
  request.set_path("sub/a.py");
  Start(request);
  const internal::FileCall call = AskedForFile();
  EXPECT_EQ(call.read().path(), "/home/user/sub/a.py");
  EXPECT_EQ(call.read().length(), 0u);
  EXPECT_TRUE(call.read().has_length());
  SayEnd(call.stream_id(), internal::StreamEnd::FAILED, ENOENT);
  const absl::Status status = sink->WaitForEnd();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/home/user/sub/a.py"));
  ExpectNothingLeft();
}

TEST_F(ScriptTest, AFileOfTheSandboxStaysThere) {
  RunScriptRequest request = Source();
  request.set_path("/a.py");
  Start(request);
  SayEnd(AskedForFile().stream_id());
  Begin();
  EXPECT_THAT(start.argv(), ElementsAre("interpreter", "-o", "/a.py"));
  agent.SayStarted(kNumber);
  Exit(0);
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->termination().kind(), Termination::EXITED);
  ExpectNothingLeft();
}

TEST_F(ScriptTest, WhatIsNotStartedIsRemovedAndRefused) {
  Start(Source());
  Write();
  Begin();
  agent.SayFailed(kNumber, internal::CommandFailed::WORKING_DIRECTORY, ENOENT);
  EXPECT_TRUE(absl::IsNotFound(sink->WaitForEnd())) << "nobody waits for the removal";
  const internal::FileCall removal = NextOf(AgentRequest::kCall).call();
  EXPECT_EQ(absl::StrCat(removal.remove().path(), "/script"), path);
  EXPECT_TRUE(removal.remove().recursive());
  EXPECT_TRUE(sink->events().empty());
  ExpectNothingLeft();
}

TEST_F(ScriptTest, AtItsDeadlineItIsAskedToEndAndThenKilled) {
  auto request = Source();
  request.mutable_timeout()->set_nanos(1'000'000);
  Run(request);
  ExpectSignal(SIGTERM);
  Exit(0);
  Remove();
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->termination().kind(), Termination::TIMED_OUT) << "whatever it made of it";
}

TEST_F(ScriptTest, WhatIgnoresThatIsKilled) {
  auto request = Source();
  request.mutable_timeout()->set_nanos(200'000'000);
  Start(std::move(request));
  Write();
  Begin();
  // For its grace alone.
  SetPace(kHasty);
  agent.SayStarted(kNumber);
  ExpectSignal(SIGTERM);
  ExpectKilled();
  SetPace(kPatient);
  Exit(0, SIGKILL);
  Remove();
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->termination().kind(), Termination::TIMED_OUT);
  EXPECT_THAT(sink->termination().message(), HasSubstr("killed"));
}

TEST_F(ScriptTest, ItsGraceStandsStillWithItsSandbox) {
  Run();
  SetPace(kHasty);
  OnLoop([&] { sandbox->processes()->StandStill(); });
  script->Cancel(execution);
  ExpectSignal(SIGTERM);
  Settle();
  ::usleep(20'000);
  EXPECT_FALSE(launcher.Poll().has_value());
  OnLoop([&] { sandbox->processes()->GoOn(); });
  ExpectKilled();
  Exit(0, SIGKILL);
  // Nobody waits for the removal of what was cancelled.
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->termination().kind(), Termination::CANCELLED);
  EXPECT_TRUE(NextOf(AgentRequest::kCall).call().has_remove());
  ExpectNothingLeft();
}

TEST_F(ScriptTest, ACancelComesAtEachStepOfItsWay) {
  Start(Source());
  const internal::FileCall call = AskedForFile();
  NextOf(AgentRequest::kData);
  script->Cancel(execution);
  EXPECT_EQ(NextOf(AgentRequest::kCancel).cancel().stream_id(), call.stream_id());
  SayEnd(call.stream_id(), internal::StreamEnd::CANCELLED);
  EXPECT_TRUE(absl::IsCancelled(sink->WaitForEnd())) << "while its source is written";
  EXPECT_TRUE(NextOf(AgentRequest::kCall).call().has_remove());
  ExpectNothingLeft();

  sink = std::make_shared<FakeSink>();
  Start(Source());
  const uint64_t stream = NextOf(AgentRequest::kCall).call().stream_id();
  NextOf(AgentRequest::kData);
  SayEnd(stream);
  const auto asked = launcher.Expect(LauncherRequest::kStartProcess);
  script->Cancel(execution);
  Settle();
  command.Offer(launcher, asked, kNumber);
  ExpectKilled();
  EXPECT_TRUE(absl::IsCancelled(sink->WaitForEnd())) << "before its process was there";
  EXPECT_TRUE(NextOf(AgentRequest::kCall).call().has_remove());
  ExpectNothingLeft();
}

TEST_F(ScriptTest, ACancelDoesNotWaitForTheRemoval) {
  Run();
  Exit(0);
  EXPECT_TRUE(NextOf(AgentRequest::kCall).call().has_remove());
  Settle();
  EXPECT_FALSE(sink->ended());
  script->Cancel(execution);
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->termination().kind(), Termination::EXITED);
  ExpectNothingLeft();
}

TEST_F(ScriptTest, ARemovalWithoutEndDoesNotKeepItsEndBack) {
  Run();
  SetPace(kHasty);
  Exit(0);
  const internal::FileCall removal = NextOf(AgentRequest::kCall).call();
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::EXITED);
  EXPECT_EQ(NextOf(AgentRequest::kCancel).cancel().stream_id(), removal.stream_id());
  ExpectNothingLeft();
}

TEST_F(ScriptTest, ARemovalThatNobodyWaitsForIsGivenUpToo) {
  Start(Source());
  Write();
  Begin();
  SetPace(kHasty);
  agent.SayFailed(kNumber, internal::CommandFailed::WORKING_DIRECTORY, ENOENT);
  EXPECT_TRUE(absl::IsNotFound(sink->WaitForEnd()));
  const internal::FileCall removal = NextOf(AgentRequest::kCall).call();
  EXPECT_EQ(NextOf(AgentRequest::kCancel).cancel().stream_id(), removal.stream_id());
  EXPECT_TRUE(Eventually([&] { return !sandbox->uses().in_use(); }));
  ExpectNothingLeft();
}

TEST_F(ScriptTest, ACancelDoesNotWaitForAnAgentThatDoesNotAnswer) {
  Start(Source());
  AskedForFile();
  script->Cancel(execution);
  EXPECT_TRUE(absl::IsCancelled(sink->WaitForEnd()));
  EXPECT_EQ(host.running_cells.load(), 0);
  // Its lifetime is the client's affair, and not its agent's.
  EXPECT_TRUE(Eventually([&] { return !sandbox->uses().in_use(); }));
}

TEST_F(ScriptTest, WhatASlowClientCancelsEnds) {
  sink->Answer(Flow::kPause);
  Run();
  command.Say("unread");
  Settle();
  EXPECT_EQ(sink->output(), "");
  script->Cancel(execution);
  ExpectSignal(SIGTERM);
  Exit(0, SIGTERM);
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->termination().kind(), Termination::CANCELLED);
  EXPECT_EQ(sink->output(), "");
}

TEST_F(ScriptTest, ASlowClientStopsItsReadingUntilItHasRoom) {
  sink->Answer(Flow::kPause);
  Run();
  command.Say("waits");
  Settle();
  EXPECT_EQ(sink->output(), "");
  sink->Answer(Flow::kContinue);
  script->Resume(execution);
  EXPECT_TRUE(Eventually([&] { return sink->output() == "waits"; }));
  Exit(0);
  Remove();
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
}

TEST_F(ScriptTest, ItEndsWithItsSandbox) {
  Run();
  sandbox->Destroy(StopReason::kDestroyed);
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kDestroySandbox));
  launcher.SendProcessExited("sb1", 0, SIGKILL, true, kNumber);
  command.CloseAll();
  launcher.SendGone("sb1", internal::SandboxGone::DESTROYED);
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->termination().kind(), Termination::KILLED);
  EXPECT_TRUE(sink->well_formed());
  EXPECT_EQ(host.running_cells.load(), 0);
}

TEST_F(ScriptTest, ItsOutputIsBounded) {
  auto request = Source();
  request.set_max_output_bytes(3);
  Run(request);
  command.Say("four");
  ExpectKilled();
  Exit(0, SIGKILL);
  Remove();
  EXPECT_EQ(sink->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(sink->output(), "fou");
  EXPECT_EQ(sink->termination().kind(), Termination::OUTPUT_LIMIT);
}

TEST_F(ScriptTest, WhoLeftItFindsItAgain) {
  auto request = Source();
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CONTINUE);
  Run(request);
  detached.Add("sb1", script, execution);
  EXPECT_TRUE(execution->Detach());
  command.Say("meanwhile");
  Exit(0);
  Remove();
  EXPECT_TRUE(Eventually([&] { return execution->ended(); }));
  auto back = std::make_shared<FakeSink>();
  auto found = detached.Find("sb1", execution->id());
  ASSERT_NE(found.execution, nullptr);
  EXPECT_TRUE(found.execution->Attach(back, 1).ok());
  EXPECT_EQ(back->WaitForEnd(), absl::OkStatus());
  EXPECT_EQ(back->output(), "meanwhile");
  EXPECT_EQ(back->termination().kind(), Termination::EXITED);
}

}  // namespace
}  // namespace warren
