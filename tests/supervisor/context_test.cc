// What happens to cells, contexts and sandboxes in the orders in which a launcher and a worker can
// say what they say.
#include "supervisor/session/context.h"

#include <signal.h>

#include <atomic>

#include "gmock/gmock.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::SandboxGone;
using ::testing::HasSubstr;
using warren::v1::ExecutionEvent;
using warren::v1::Termination;

class ContextTest : public SessionTest {
 protected:
  using SessionTest::SessionTest;
  FakeWorker worker;
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
};

TEST_F(ContextTest, ACellRunsAndItsEventsCarryTheirPlaceAndTime) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  const int64_t before = absl::GetCurrentTimeNanos();
  auto execution = NewExecution(Cell("print(1)"), sink);
  ASSERT_TRUE(context->Execute(execution).ok());
  auto request = worker.NextRequest();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->execute().code(), "print(1)");
  worker.SendOutput(1, "1\n");
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  const auto events = sink->events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].started().execution_id(), execution->id());
  EXPECT_EQ(events[1].output().data(), "1\n");
  EXPECT_EQ(events[2].finished().execution_count(), 1);
  EXPECT_TRUE(sink->termination().context_alive());
  int64_t last = before;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), static_cast<int64_t>(i) + 1);
    EXPECT_GE(events[i].time_unix_nanos(), last);
    last = events[i].time_unix_nanos();
  }
  EXPECT_TRUE(sink->well_formed());
}

TEST_F(ContextTest, TheDisplayStyleGoesWithTheCellThatAsksForItAlone) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  auto run = [&](uint64_t number, warren::v1::DisplayStyle style) {
    auto cell = Cell("[1]");
    cell.set_display_style(style);
    auto cell_sink = std::make_shared<FakeSink>();
    EXPECT_TRUE(context->Execute(NewExecution(cell, cell_sink)).ok());
    auto asked = worker.NextRequest();
    worker.SendDone(number);
    EXPECT_TRUE(cell_sink->WaitForEnd().ok());
    return asked->execute().display_style();
  };
  EXPECT_EQ(run(1, warren::v1::DISPLAY_STYLE_CODE_INTERPRETER),
            internal::WorkerExecute::CODE_INTERPRETER);
  EXPECT_EQ(run(2, warren::v1::DISPLAY_STYLE_UNSPECIFIED), internal::WorkerExecute::JUPYTER);
  EXPECT_EQ(run(3, warren::v1::DISPLAY_STYLE_JUPYTER), internal::WorkerExecute::JUPYTER);
}

// ---- Its files

internal::WorkerEvent FileEvent(const std::string& path) {
  internal::WorkerEvent event;
  event.set_execution_id(1);
  event.mutable_output_file()->set_path(path);
  event.mutable_output_file()->set_size(3);
  event.mutable_output_file()->set_sha256(std::string(32, 'd'));
  return event;
}

warren::v1::ExecuteCodeRequest CellWithFiles() {
  warren::v1::ExecuteCodeRequest request = Cell("1");
  request.add_output_files("*");
  return request;
}

TEST_F(ContextTest, FilesGoInWithTheCellAndAreToldBehindIt) {
  auto sandbox = MakeReadySandbox(worker);
  auto request = CellWithFiles();
  request.add_input_files()->set_path("a");
  request.mutable_input_files(0)->set_data(std::string("\0\xff", 2));
  auto execution = NewExecution(request, sink);
  ASSERT_TRUE(sandbox->FindContext("")->Execute(execution).ok());
  auto asked = worker.NextRequest();
  ASSERT_TRUE(asked);
  ASSERT_EQ(asked->execute().input_files_size(), 1);
  EXPECT_EQ(asked->execute().input_files(0).path(), "a");
  EXPECT_EQ(asked->execute().input_files(0).data(), std::string("\0\xff", 2));
  EXPECT_EQ(asked->execute().output_files(0), "*");
  worker.Send(FileEvent("/home/user/\xff\\"));
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  const auto events = sink->events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].output_file().path(), "/home/user/\\xff\\\\");
  EXPECT_EQ(events[1].output_file().size_bytes(), 3);
  EXPECT_EQ(events[1].output_file().sha256(), std::string(32, 'd'));
  EXPECT_EQ(events[2].finished().output_files_incomplete(), "");
  EXPECT_EQ(execution->request().input_files_size(), 0) << "it is not kept with the execution";
}

TEST_F(ContextTest, ACellThatDidNotRunHasNoCount) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  Begin(*context, worker, sink);
  worker.SendDone(1);
  ASSERT_TRUE(sink->WaitForEnd().ok());
  const int count = context->execution_count();
  sink = std::make_shared<FakeSink>();
  Begin(*context, worker, sink, CellWithFiles());
  internal::WorkerEvent done;
  done.set_execution_id(2);
  done.mutable_done()->set_outcome(internal::WorkerDone::EXCEPTION);
  done.mutable_done()->set_not_run(true);
  done.mutable_done()->set_execution_count(77);
  done.mutable_done()->set_output_files_incomplete("not \xff run");
  worker.Send(done);
  ASSERT_TRUE(sink->WaitForEnd().ok());
  const auto finished = sink->events().back().finished();
  EXPECT_EQ(finished.termination().kind(), Termination::EXCEPTION);
  EXPECT_THAT(finished.termination().message(), HasSubstr("input files"));
  EXPECT_EQ(finished.execution_count(), 0);
  EXPECT_EQ(finished.output_files_incomplete(), "not \xef\xbf\xbd run");
  EXPECT_EQ(context->execution_count(), count);
}

TEST_F(ContextTest, FilesThatWereNotAskedForEndTheContext) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  worker.Send(FileEvent("/a"));
  launcher.Expect(LauncherRequest::kSignalProcess);
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::POLICY_VIOLATION);
  EXPECT_THAT(sink->termination().message(), HasSubstr("output file"));
}

TEST_F(ContextTest, MoreFilesThanThereMayBeEndTheContext) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink, CellWithFiles());
  for (int i = 0; i < 1001; ++i) worker.Send(FileEvent("/a"));
  launcher.Expect(LauncherRequest::kSignalProcess);
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::POLICY_VIOLATION);
  const auto events = sink->events();
  EXPECT_EQ(events.size(), 1002u) << "Started, a thousand files, Finished";
  EXPECT_EQ(events.back().finished().output_files_incomplete(), "the context ended");
}

TEST_F(ContextTest, FilesThatAreFoundAfterAStopAreCounted) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink, WithTimeout(CellWithFiles(), 1));
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kSignalProcess));
  worker.Send(FileEvent("/a"));
  worker.Send(FileEvent("/b"));
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::TIMED_OUT);
  const auto events = sink->events();
  EXPECT_EQ(events.size(), 2u);
  EXPECT_THAT(events.back().finished().output_files_incomplete(), HasSubstr("2 files"));
}

// ---- The order of exit, pipe and sandbox's end

TEST_F(ContextTest, ExitIsToldBeforeThePipeCloses) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  worker.SendOutput(1, "last words");
  launcher.SendProcessExited("sb1", 3, 0);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::EXITED);
  EXPECT_EQ(sink->termination().exit_code(), 3);
  EXPECT_EQ(sink->output(), "last words") << "what the pipe still held";
  worker.CloseAll();
  Settle();
  EXPECT_TRUE(sink->well_formed());
  EXPECT_TRUE(Eventually([&] { return died.load(); }));
  EXPECT_TRUE(sandbox->alive()) << "it goes on without its context";
  EXPECT_FALSE(launcher.Poll());
  const absl::Status refused = sandbox->FindContext("")->Execute(NewExecution(Cell("1"), sink));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("restart it"));
}

TEST_F(ContextTest, ThePipeClosesBeforeTheExitIsTold) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  Begin(*context, worker, sink);
  worker.SendOutput(1, "last words");
  worker.CloseAll();
  ASSERT_TRUE(Eventually([&] { return !context->alive(); }));
  EXPECT_FALSE(sink->ended()) << "how it ended is not known yet";
  // Meanwhile no further cell is taken.
  EXPECT_TRUE(absl::IsFailedPrecondition(
      context->Execute(NewExecution(Cell("2"), std::make_shared<FakeSink>()))));
  launcher.SendProcessExited("sb1", 0, SIGSEGV);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::KILLED);
  EXPECT_EQ(sink->termination().signal(), SIGSEGV);
  EXPECT_EQ(sink->output(), "last words");
}

TEST_F(ContextTest, TheSandboxIsGoneBeforeItsContextsExitIsTold) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  launcher.SendGone("sb1", SandboxGone::OUT_OF_MEMORY);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::OUT_OF_MEMORY);
  launcher.SendProcessExited("sb1", 0, SIGKILL, true);
  Settle();
  EXPECT_TRUE(sink->well_formed());
  EXPECT_EQ(table.existing(), 0u);
  EXPECT_FALSE(launcher.Poll()) << "there is nothing left to destroy";
}

TEST_F(ContextTest, ItsPipesEndAfterAKillForMemoryAndBeforeTheSandboxIsGone) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  launcher.SendProcessExited("sb1", 0, SIGKILL, true);
  Settle();
  worker.CloseAll();
  Settle();
  EXPECT_FALSE(sink->ended()) << "whether it was for memory is not known yet";
  launcher.SendGone("sb1", SandboxGone::OUT_OF_MEMORY);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::OUT_OF_MEMORY);
}

TEST_F(ContextTest, AKillForMemoryIsToldWhenTheSandboxIsGone) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  launcher.SendProcessExited("sb1", 0, SIGKILL, true);
  Settle();
  EXPECT_FALSE(sink->ended()) << "whether it was for memory is not known yet";
  launcher.SendGone("sb1", SandboxGone::OUT_OF_MEMORY);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::OUT_OF_MEMORY);
}

TEST_F(ContextTest, AKillDuringTheStartIsAStartThatFailed) {
  auto sandbox = MakeSandbox(worker);
  sandbox->Destroy(StopReason::kDestroyed);
  launcher.Expect(LauncherRequest::kDestroySandbox);
  launcher.SendProcessExited("sb1", 0, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return ready.load(); }));
  EXPECT_FALSE(ready_status.ok());
  EXPECT_FALSE(sandbox->alive());
  EXPECT_NE(sandbox->death_reason(), "");
}

TEST_F(ContextTest, TheSandboxIsDeadBeforeTheEndOfItsCellIsTold) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  std::atomic<bool> alive = true;
  sink->OnPush([&] { alive = sandbox->alive(); });
  launcher.SendProcessExited("sb1", 3, 0, /*sandbox_ends=*/true);
  worker.CloseAll();
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_FALSE(alive);
}

// ---- A launcher that says nothing

TEST_F(ContextTest, ASilentLauncherDoesNotHoldUpTheEndOfAKill) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  SetPace(kHasty);
  sandbox->Destroy(StopReason::kDestroyed);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::KILLED);
  EXPECT_THAT(sink->termination().message(), HasSubstr("destroyed"));
  EXPECT_EQ(sandbox->death_reason(), sink->termination().message());
}

TEST_F(ContextTest, AClosedPipeThatIsNeverExplainedEndsTheContext) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  SetPace(kHasty);
  worker.CloseEvents();
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::POLICY_VIOLATION);
  launcher.Expect(LauncherRequest::kSignalProcess);
}

TEST_F(ContextTest, AWorkerThatIsNeverReadyIsKilled) {
  SetPace(kHasty);
  auto sandbox = MakeSandbox(worker);
  ASSERT_TRUE(Eventually([&] { return ready.load(); }));
  EXPECT_TRUE(absl::IsDeadlineExceeded(ready_status)) << ready_status;
  launcher.Expect(LauncherRequest::kSignalProcess);
}

// ---- Slow clients

TEST_F(ContextTest, ASlowReaderHoldsTheCellBackUntilItReads) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  auto execution = Begin(*context, worker, sink);
  sink->Answer(Flow::kPause);
  worker.SendOutput(1, "first");
  ASSERT_TRUE(Eventually([&] { return sink->output() == "first"; }));
  worker.SendOutput(1, "second");
  Settle();
  EXPECT_EQ(sink->output(), "first") << "it was asked to pause";
  sink->Answer(Flow::kContinue);
  context->Resume(execution);
  EXPECT_TRUE(Eventually([&] { return sink->output() == "firstsecond"; }));
}

TEST_F(ContextTest, ASlowReaderWhoseCellTimesOutKeepsItsSandbox) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  sink->Answer(Flow::kPause);
  Begin(*context, worker, sink, WithTimeout(Cell("flood"), 1));
  worker.SendOutput(1, "x");
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kSignalProcess));
  // More than any pipe holds: it ends only if it is read on, though nobody makes room.
  const std::string piece(32 << 10, 'x');
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(worker.SendOutput(1, piece)) << i;
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(sink->termination().context_alive());
  EXPECT_LT(sink->output().size(), piece.size() * 4) << "what has no room is dropped";
  EXPECT_TRUE(context->alive());
}

// ---- Floods

// All floods have used up what they may say in the slice that is now, and somebody else is at work.
class FloodTest : public ContextTest {
 protected:
  void BeginSlice(std::chrono::milliseconds slice) {
    OnLoop([this, slice] {
      // Long enough at work for any host.
      host.turns = ReadTurns(slice, std::chrono::hours(1));
      const MonotonicTime now = MonotonicClock::now();
      ReadTurns::Turn calm;
      EXPECT_FALSE(host.turns.OnRead(calm, 1, now));
      ReadTurns::Turn flood;
      const size_t all = ReadTurns::kShare + ReadTurns::kCommon;
      EXPECT_TRUE(host.turns.OnRead(flood, all, now));
    });
  }
  void SendShare() {
    for (size_t sent = 0; sent <= ReadTurns::kShare; sent += piece.size())
      ASSERT_TRUE(worker.SendOutput(1, piece));
    ASSERT_TRUE(Eventually([this] { return sink->output().size() >= ReadTurns::kShare; }));
    Settle();
  }
  const std::string piece = std::string(32 << 10, 'x');
};

TEST_F(FloodTest, GoesOnWhenItsTimeHasCome) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  constexpr std::chrono::milliseconds kLong(300);
  const MonotonicTime before = MonotonicClock::now();
  BeginSlice(kLong);
  SendShare();
  worker.SendOutput(1, "end");
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_THAT(sink->output(), ::testing::EndsWith("xend"));
  EXPECT_GE(MonotonicClock::now() - before, kLong) << "others had their turn";
}

TEST_F(FloodTest, IsReadOnAtOnceWhenItIsToStop) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  auto execution = Begin(*context, worker, sink);
  BeginSlice(std::chrono::hours(1));
  SendShare();
  const size_t before = sink->output().size();
  worker.SendOutput(1, "more");
  worker.SendDone(1);
  Settle();
  EXPECT_EQ(sink->output().size(), before) << "others have their turn";
  EXPECT_FALSE(sink->ended());
  context->Cancel(execution);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::CANCELLED);
}

TEST_F(FloodTest, TheOthersAreNotHeldBack) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink);
  BeginSlice(std::chrono::hours(1));
  worker.SendOutput(1, "little");
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->output(), "little");
}

TEST_F(ContextTest, AnEndBehindTheKillIsToldAsTheKill) {
  auto sandbox = MakeReadySandbox(worker);
  Begin(*sandbox->FindContext(""), worker, sink, WithTimeout(Cell("deaf"), 1));
  launcher.Expect(LauncherRequest::kSignalProcess);
  // So that the cell's end is in the pipe when the kill is decided.
  WhileItStands([&] {
    host.pace = kHasty;
    sandbox->Destroy(StopReason::kDestroyed);
    worker.SendDone(1);
  });
  EXPECT_TRUE(sink->WaitForEnd().ok());
  const Termination termination = sink->termination();
  EXPECT_FALSE(termination.context_alive());
  EXPECT_THAT(termination.message(), ::testing::Not(HasSubstr("keeps its state")));
}

// ---- The queue

TEST_F(ContextTest, ACancelledCellThatWaitsNeverRuns) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  Begin(*context, worker, sink);
  auto second = std::make_shared<FakeSink>();
  auto third = std::make_shared<FakeSink>();
  auto waiting = NewExecution(Cell("second"), second);
  ASSERT_TRUE(context->Execute(waiting).ok());
  ASSERT_TRUE(context->Execute(NewExecution(Cell("third"), third)).ok());
  EXPECT_TRUE(context->Has(waiting->id()));
  context->Cancel(waiting);
  EXPECT_TRUE(absl::IsCancelled(second->WaitForEnd()));
  EXPECT_TRUE(second->events().empty());
  EXPECT_FALSE(context->Has(waiting->id()));
  worker.SendDone(1);
  auto request = worker.NextRequest();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->execute().code(), "third");
}

TEST_F(ContextTest, TheNextCellWaitsForAnInterruptThatIsOnItsWay) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  Begin(*context, worker, sink);
  ASSERT_TRUE(context->Interrupt().ok());
  auto interrupt = launcher.Expect(LauncherRequest::kSignalProcess);
  worker.SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  auto second = std::make_shared<FakeSink>();
  ASSERT_TRUE(context->Execute(NewExecution(Cell("second"), second)).ok());
  Settle();
  EXPECT_FALSE(worker.HasRequest()) << "the signal could hit it";
  launcher.ReplyOk(interrupt);
  auto request = worker.NextRequest();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->execute().code(), "second");
}

TEST_F(ContextTest, MoreThanSoManyCellsDoNotWait) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  Begin(*context, worker, sink);
  for (size_t i = 0; i < Context::kMaxWaiting; ++i) {
    ASSERT_TRUE(context->Execute(NewExecution(Cell("1"), std::make_shared<FakeSink>())).ok());
  }
  auto one_more = std::make_shared<FakeSink>();
  EXPECT_TRUE(absl::IsResourceExhausted(context->Execute(NewExecution(Cell("1"), one_more))));
  EXPECT_FALSE(one_more->ended()) << "who asks says so, not the execution";
}

TEST_F(ContextTest, TheEndOfACellThatItHasNotReadIsAViolation) {
  auto sandbox = MakeReadySandbox(worker);
  // More than the pipe takes, and the worker reads nothing.
  ASSERT_TRUE(sandbox->FindContext("")
                  ->Execute(NewExecution(Cell(std::string(512 << 10, '#')), sink))
                  .ok());
  EXPECT_GT(budget.used(), 0) << "what is not sent counts";
  worker.SendDone(1);
  launcher.Expect(LauncherRequest::kSignalProcess);
  launcher.SendGone("sb1", SandboxGone::DESTROYED);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::POLICY_VIOLATION);
  Settle();
  EXPECT_EQ(budget.used(), 0);
}

// ---- Memory that is bounded together

class SmallMemoryTest : public ContextTest {
 protected:
  SmallMemoryTest() : ContextTest(int64_t{3} << 20) {}
};

TEST_F(SmallMemoryTest, WaitingCodeIsBoundedOverAllContexts) {
  auto sandbox = MakeReadySandbox(worker);
  auto context = sandbox->FindContext("");
  Begin(*context, worker, sink);
  const std::string code(1 << 20, '#');
  int accepted = 0;
  absl::Status refused;
  std::shared_ptr<Execution> last;
  while (true) {
    auto execution = NewExecution(Cell(code), std::make_shared<FakeSink>());
    refused = context->Execute(execution);
    if (!refused.ok() || ++accepted > 10) break;
    last = std::move(execution);
  }
  EXPECT_EQ(accepted, 2) << "of 3 MiB";
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--buffer-memory"));
  context->Cancel(last);
  EXPECT_TRUE(Eventually([&] { return budget.used() < 2 << 20; }));
  EXPECT_TRUE(context->Execute(NewExecution(Cell(code), std::make_shared<FakeSink>())).ok());
  sandbox->Destroy(StopReason::kDestroyed);
  launcher.SendGone("sb1", SandboxGone::DESTROYED);
  EXPECT_TRUE(Eventually([&] { return budget.used() == 0; })) << budget.used();
}

TEST_F(SmallMemoryTest, NothingBeginsWhereItIsUsedUp) {
  auto sandbox = MakeReadySandbox(worker);
  MemoryCharge unread(&budget);
  unread.Add(3 << 20);
  EXPECT_TRUE(
      absl::IsResourceExhausted(sandbox->FindContext("")->Execute(NewExecution(Cell("1"), sink))));
  unread.Clear();
  EXPECT_TRUE(sandbox->FindContext("")->Execute(NewExecution(Cell("1"), sink)).ok());
}

}  // namespace
}  // namespace warren
