#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/base/proto_time.h"
#include "tests/supervisor/conformance.h"

// Executions: events, bounds, ends, back pressure.
namespace warren {
namespace {

using ::testing::HasSubstr;
using v1::Termination;

TEST_P(BackendTest, TellsWhatHappensInOrder) {
  auto sandbox = NewSandbox();
  auto run = Run(*sandbox, "print one\nwarn two\nshow three\nvalue four");
  EXPECT_TRUE(run->status().ok()) << run->status();
  EXPECT_EQ(run->ends(), 1);
  EXPECT_TRUE(run->in_order());
  auto events = run->events();
  ASSERT_EQ(events.size(), 6u);
  EXPECT_FALSE(events[0].started().execution_id().empty());
  EXPECT_EQ(events[1].output().data(), "one\n");
  EXPECT_EQ(events[2].output().stream(), v1::ExecutionEvent::Output::STDERR);
  EXPECT_EQ(events[3].display().data().at("text/plain"), "three");
  EXPECT_TRUE(events[4].display().is_result());
  EXPECT_EQ(run->kind(), Termination::EXITED);
  EXPECT_TRUE(run->finished().termination().context_alive());
  EXPECT_EQ(run->finished().execution_count(), 1);
  for (const auto& event : events) EXPECT_GT(event.time_unix_nanos(), 0);
}

TEST_P(BackendTest, AnExceptionIsAResult) {
  auto sandbox = NewSandbox();
  auto run = Run(*sandbox, "fail ValueError too small");
  EXPECT_TRUE(run->status().ok());
  EXPECT_EQ(run->kind(), Termination::EXCEPTION);
  auto events = run->events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].error().name(), "ValueError");
  EXPECT_EQ(events[1].error().value(), "too small");
}

TEST_P(BackendTest, UserExpressionsAreInFinished) {
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  (*request.mutable_user_expressions())["x"] = "1 + 1";
  auto run = Run(*sandbox, request);
  EXPECT_EQ(run->finished().user_expressions().at("x").display().data().at("text/plain"), "1 + 1");
}

TEST_P(BackendTest, WhatIsRefusedHasAStatusAndNoEvent) {
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  request.set_code("x = '\xff'");
  auto run = Run(*sandbox, request);
  EXPECT_TRUE(absl::IsInvalidArgument(run->status())) << run->status();
  EXPECT_THAT(std::string(run->status().message()), HasSubstr("UTF-8"));
  EXPECT_TRUE(run->events().empty());
  request.clear_code();
  request.set_context_id("none");
  EXPECT_TRUE(absl::IsNotFound(Run(*sandbox, request)->status()));
  request.clear_context_id();
  (*request.mutable_env())["A"] = "b";
  EXPECT_TRUE(absl::IsUnimplemented(Run(*sandbox, request)->status()));
}

TEST_P(BackendTest, TakesCodeOfOneMebibyte) {
  auto sandbox = NewSandbox();
  std::string code = "print hi";
  code.resize(1 << 20, '\n');
  EXPECT_EQ(Run(*sandbox, code)->out(), "hi\n");
  code.push_back('\n');
  EXPECT_TRUE(absl::IsInvalidArgument(Run(*sandbox, code)->status()));
}

TEST_P(BackendTest, TheTimeoutEndsACell) {
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  request.set_code("wait");
  request.mutable_timeout()->set_nanos(1'000'000);
  EXPECT_EQ(Run(*sandbox, request)->kind(), Termination::TIMED_OUT);
}

TEST_P(BackendTest, TheOutputHasABound) {
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  request.set_code("flood 100000");
  request.set_max_output_bytes(50'000);
  auto run = Run(*sandbox, request);
  EXPECT_EQ(run->kind(), Termination::OUTPUT_LIMIT);
  EXPECT_EQ(run->out().size(), 50'000u);
}

TEST_P(BackendTest, AnInterruptEndsWhatRuns) {
  auto sandbox = NewSandbox();
  EXPECT_TRUE(absl::IsFailedPrecondition(Interrupt(*sandbox).status()));
  auto execution = Begin(*sandbox, "wait");
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  EXPECT_TRUE(Interrupt(*sandbox).ok());
  ASSERT_TRUE(execution.sink->WaitForEnd());
  EXPECT_EQ(execution.sink->kind(), Termination::EXCEPTION);
}

TEST_P(BackendTest, ACancelledExecutionEndsAndTheContextLivesOn) {
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "wait");
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  execution.operation->Cancel();
  ASSERT_TRUE(execution.sink->WaitForEnd());
  // Where the stream itself is cut the end of the cell is not heard of.
  EXPECT_TRUE(execution.sink->kind() == Termination::CANCELLED ||
              absl::IsCancelled(execution.sink->status()));
  EXPECT_EQ(execution.sink->ends(), 1);
  EXPECT_EQ(Run(*sandbox, "print next")->out(), "next\n");
}

TEST_P(BackendTest, AnOperationThatIsDroppedRunsOn) {
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "print one\nshow two");
  execution.operation.reset();
  ASSERT_TRUE(execution.sink->WaitForEnd());
  EXPECT_EQ(execution.sink->kind(), Termination::EXITED);
}

TEST_P(BackendTest, TheEndOfAContextIsToldAndFinal) {
  auto sandbox = NewSandbox();
  auto run = Run(*sandbox, "exit 3");
  EXPECT_EQ(run->kind(), Termination::EXITED);
  EXPECT_EQ(run->finished().termination().exit_code(), 3);
  EXPECT_FALSE(run->finished().termination().context_alive());
  EXPECT_TRUE(Eventually(
      [&] { return absl::IsFailedPrecondition(Run(*sandbox, "print hello")->status()); }));
}

TEST_P(BackendTest, DestroyKillsWhatRuns) {
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "wait");
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  EXPECT_TRUE(Destroy(*sandbox).ok());
  ASSERT_TRUE(execution.sink->WaitForEnd());
  EXPECT_EQ(execution.sink->kind(), Termination::KILLED);
}

TEST_P(BackendTest, CellsOfOneContextRunInTheirOrderAndNotWithoutBound) {
  auto sandbox = NewSandbox();
  auto first = Begin(*sandbox, "wait");
  ASSERT_TRUE(first.sink->WaitForEvents(1));
  std::vector<Execution> waiting;
  for (int i = 0; i < 65; ++i) waiting.push_back(Begin(*sandbox, absl::StrCat("print ", i)));
  // They may arrive in any order, so one of them is refused.
  auto refused = [&] {
    int count = 0;
    for (const auto& execution : waiting) {
      count += absl::IsResourceExhausted(execution.sink->status()) ? 1 : 0;
    }
    return count;
  };
  EXPECT_TRUE(Eventually([&] { return refused() > 0; }));
  EXPECT_TRUE(Interrupt(*sandbox).ok());
  for (const auto& execution : waiting) ASSERT_TRUE(execution.sink->WaitForEnd());
  EXPECT_EQ(refused(), 1);
}

TEST_P(BackendTest, ASlowReaderHoldsTheExecutionUp) {
  auto sandbox = NewSandbox();
  constexpr int64_t kBytes = int64_t{64} << 20;
  v1::ExecuteCodeRequest request;
  request.set_code(absl::StrCat("flood ", kBytes));
  // Full with the first output, until it is resumed; from then on it has room.
  std::atomic<bool> has_room{false};
  auto execution =
      Begin(*sandbox, request, [&] { return has_room ? Flow::kContinue : Flow::kPause; });
  // Started was the first push: the execution waits for a Resume behind it.
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  execution.operation->Resume();
  ASSERT_TRUE(execution.sink->WaitForEvents(2));
  EXPECT_TRUE(Eventually([&] { return fake().paused_cells() == 1; }))
      << "whatever lies between is full";
  EXPECT_EQ(execution.sink->events().size(), 2u) << "nothing comes while it is paused";
  has_room = true;
  execution.operation->Resume();
  ASSERT_TRUE(execution.sink->WaitForEnd());
  EXPECT_EQ(static_cast<int64_t>(execution.sink->out().size()), kBytes);
  EXPECT_EQ(execution.sink->kind(), Termination::EXITED);
  EXPECT_TRUE(execution.sink->in_order());
}

TEST_P(BackendTest, APausedExecutionCanBeCancelled) {
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  request.set_code(absl::StrCat("flood ", int64_t{64} << 20));
  auto execution = Begin(*sandbox, request, [] { return Flow::kPause; });
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  execution.operation->Cancel();
  ASSERT_TRUE(execution.sink->WaitForEnd());
  EXPECT_EQ(Run(*sandbox, "print next")->out(), "next\n");
}

TEST_P(BackendTest, ManyExecutionsAtATime) {
  std::vector<std::shared_ptr<SandboxHandle>> sandboxes;
  std::vector<Execution> executions;
  for (int i = 0; i < 16; ++i) sandboxes.push_back(NewSandbox());
  for (const auto& sandbox : sandboxes) executions.push_back(Begin(*sandbox, "flood 1000000"));
  for (const auto& execution : executions) {
    ASSERT_TRUE(execution.sink->WaitForEnd());
    EXPECT_EQ(execution.sink->out().size(), 1'000'000u);
  }
}

// ---- Clients that leave and come back

TEST_P(BackendTest, WhoCannotBeLeftSaysSo) {
  if (connects()) return;
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "wait");
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  EXPECT_TRUE(absl::IsUnimplemented(execution.operation->Detach()));
  const std::string id = execution.sink->events()[0].started().execution_id();
  EXPECT_TRUE(absl::IsUnimplemented(ConnectRefused(*sandbox, id)));
  execution.operation->Cancel();
  ASSERT_TRUE(execution.sink->WaitForEnd()) << "the execution is as it was";
}

TEST_P(BackendTest, ADetachedExecutionGoesOnAndIsFoundAgain) {
  if (!connects()) return;
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "print one\nwait");
  ASSERT_TRUE(execution.sink->WaitForEvents(2));
  const std::string id = execution.sink->events()[0].started().execution_id();
  EXPECT_TRUE(absl::IsFailedPrecondition(ConnectRefused(*sandbox, id))) << "it has its client";
  EXPECT_EQ(execution.operation->Detach(), absl::OkStatus());
  auto again = Connect(*sandbox, id, 2);
  EXPECT_TRUE(again.sink->events().empty()) << "there is nothing new";
  EXPECT_TRUE(absl::IsFailedPrecondition(ConnectRefused(*sandbox, id)));
  again.operation->Cancel();
  ASSERT_TRUE(again.sink->WaitForEnd());
  EXPECT_EQ(again.sink->kind(), Termination::CANCELLED);
  EXPECT_EQ(again.sink->events().size(), 1u);
  EXPECT_EQ(execution.sink->events().size(), 2u) << "after Detach nothing comes";
  EXPECT_EQ(execution.sink->ends(), 0);
  EXPECT_TRUE(absl::IsNotFound(ConnectRefused(*sandbox, id))) << "its client saw its end";
}

TEST_P(BackendTest, WhatADetachedExecutionSaidIsKeptForWhoComesBack) {
  if (!connects()) return;
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "wait");
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  const std::string id = execution.sink->events()[0].started().execution_id();
  EXPECT_EQ(execution.operation->Detach(), absl::OkStatus());
  EXPECT_TRUE(Interrupt(*sandbox).ok());
  // It has ended by then, and can be asked for again and again.
  EXPECT_EQ(Run(*sandbox, "print next")->out(), "next\n");
  for (int i = 0; i < 2; ++i) {
    auto back = Connect(*sandbox, id, 1);
    ASSERT_TRUE(back.sink->WaitForEnd());
    EXPECT_EQ(back.sink->ends(), 1);
    EXPECT_TRUE(back.sink->in_order());
    ASSERT_EQ(back.sink->events().size(), 2u);
    EXPECT_EQ(back.sink->events()[0].error().name(), "KeyboardInterrupt");
    EXPECT_EQ(back.sink->kind(), Termination::EXCEPTION);
  }
  auto rest = Connect(*sandbox, id, 2);
  ASSERT_TRUE(rest.sink->WaitForEnd());
  EXPECT_EQ(rest.sink->events().size(), 1u);
}

TEST_P(BackendTest, ASlowClientThatLeavesHoldsNothingUp) {
  if (!connects()) return;
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  request.set_code("flood 100000");
  auto execution = Begin(*sandbox, request, [] { return Flow::kPause; });
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  EXPECT_EQ(execution.operation->Detach(), absl::OkStatus());
  EXPECT_EQ(Run(*sandbox, "print next")->out(), "next\n");
  auto back = Connect(*sandbox, execution.sink->events()[0].started().execution_id(), 0);
  ASSERT_TRUE(back.sink->WaitForEnd());
  EXPECT_EQ(execution.sink->out().size() + back.sink->out().size(), 100'000u);
}

TEST_P(BackendTest, AnExecutionThatIsNotKnownIsNotFound) {
  if (!connects()) return;
  auto sandbox = NewSandbox();
  EXPECT_TRUE(absl::IsNotFound(ConnectRefused(*sandbox, "none")));
  auto ended = Begin(*sandbox, "print 1");
  ASSERT_TRUE(ended.sink->WaitForEnd());
  EXPECT_EQ(ended.operation->Detach(), absl::OkStatus()) << "it has had everything";
  const std::string id = ended.sink->events()[0].started().execution_id();
  EXPECT_TRUE(absl::IsNotFound(ConnectRefused(*sandbox, id)));
  EXPECT_TRUE(absl::IsInvalidArgument(ConnectRefused(*sandbox, id, -1)));
}

}  // namespace
}  // namespace warren
