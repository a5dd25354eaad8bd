#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "supervisor/base/proto_time.h"
#include "tests/supervisor/conformance.h"
#include "tests/support/patience.h"

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
  if (Lacks("executions.expressions")) return;
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
  request.add_output_files("");
  EXPECT_TRUE(absl::IsInvalidArgument(Run(*sandbox, request)->status()));
}

TEST_P(BackendTest, FilesGoInAndAreToldBehindTheOutput) {
  if (Lacks("executions.files")) return;
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  request.set_code("print one");
  request.add_input_files()->set_path("/tmp/a.csv");
  request.mutable_input_files(0)->set_data("abc");
  request.add_input_files()->set_path("/tmp/b.txt");
  request.add_output_files("/tmp/*.csv");
  auto run = Run(*sandbox, request);
  EXPECT_EQ(run->kind(), Termination::EXITED);
  auto events = run->events();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[1].output().data(), "one\n");
  EXPECT_EQ(events[2].output_file().path(), "/tmp/a.csv");
  EXPECT_EQ(events[2].output_file().size_bytes(), 3);
  EXPECT_EQ(absl::BytesToHexString(events[2].output_file().sha256()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(run->finished().output_files_incomplete(), "");
}

TEST_P(BackendTest, CodeDoesNotRunWithoutItsFiles) {
  if (Lacks("executions.files")) return;
  auto sandbox = NewSandbox();
  v1::ExecuteCodeRequest request;
  request.set_code("print one");
  request.add_input_files()->set_path("/tmp/directory/");
  request.add_output_files("*.csv");
  auto run = Run(*sandbox, request);
  EXPECT_EQ(run->kind(), Termination::EXCEPTION);
  auto events = run->events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].error().name(), "InputFileError");
  EXPECT_THAT(events[1].error().value(), HasSubstr("input_files[0].path \"/tmp/directory/\""));
  EXPECT_EQ(run->finished().execution_count(), 0);
  EXPECT_THAT(run->finished().output_files_incomplete(), HasSubstr("did not run"));
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
  // Where code is on its way to a cloud for longer, that is no cell that ran.
  if (Unseen("timeouts of a millisecond")) {
    request.mutable_timeout()->set_seconds(2);
  } else {
    request.mutable_timeout()->set_nanos(1'000'000);
  }
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

TEST_P(BackendTest, AScriptIsAnExecutionWithAProcessOfItsOwn) {
  if (Unseen("scripts")) return;
  auto sandbox = NewSandbox();
  auto waits = Begin(*sandbox, "wait");
  ASSERT_TRUE(waits.sink->WaitForEvents(1));
  v1::RunScriptRequest request;
  request.set_source("print one\nwarn two\nexit 4");
  auto run = RunScript(*sandbox, request);
  ASSERT_TRUE(run.sink->WaitForEnd());
  EXPECT_EQ(run.sink->status(), absl::OkStatus());
  EXPECT_TRUE(run.sink->in_order());
  const auto started = run.sink->events().at(0).started();
  EXPECT_FALSE(started.process_id().empty());
  EXPECT_FALSE(started.execution_id().empty());
  EXPECT_EQ(run.sink->out(), "one\n");
  EXPECT_EQ(run.sink->err(), "two\n");
  EXPECT_EQ(run.sink->kind(), Termination::EXITED);
  EXPECT_EQ(run.sink->finished().termination().exit_code(), 4);
  EXPECT_FALSE(run.sink->finished().termination().context_alive());
  EXPECT_FALSE(waits.sink->ends()) << "no context's turn is needed for it";
}

TEST_P(BackendTest, AScriptThatIsRefusedNamesTheFieldOrTheFile) {
  if (Unseen("scripts")) return;
  auto sandbox = NewSandbox();
  auto refused = [&](const v1::RunScriptRequest& request) {
    auto run = RunScript(*sandbox, request);
    EXPECT_TRUE(run.sink->WaitForEnd());
    EXPECT_TRUE(run.sink->events().empty());
    return run.sink->status();
  };
  v1::RunScriptRequest request;
  EXPECT_THAT(std::string(refused(request).message()), HasSubstr("script"));
  request.set_path("nowhere.py");
  absl::Status status = refused(request);
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("/home/user/nowhere.py"));
  request.set_source("print one");
  request.set_user("nobody");
  status = refused(request);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("user"));
  request.clear_user();
  ASSERT_TRUE(Pause(*sandbox).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(refused(request)));
}

TEST_P(BackendTest, AScriptIsStoppedAsACellIs) {
  if (Unseen("scripts")) return;
  auto sandbox = NewSandbox();
  v1::RunScriptRequest request;
  request.set_source("wait");
  auto cancelled = RunScript(*sandbox, request);
  ASSERT_TRUE(cancelled.sink->WaitForEvents(1));
  cancelled.operation->Cancel();
  ASSERT_TRUE(cancelled.sink->WaitForEnd());
  request.mutable_timeout()->set_nanos(1'000'000);
  auto late = RunScript(*sandbox, request);
  ASSERT_TRUE(late.sink->WaitForEnd());
  EXPECT_EQ(late.sink->kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(Destroy(*sandbox).ok());
}

TEST_P(BackendTest, TheEndOfAContextIsToldAndFinal) {
  if (Unseen("how contexts end")) return;
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
  request.mutable_timeout()->set_seconds(600);
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
  v1::ExecuteCodeRequest request;
  request.set_code("flood 1000000");
  // Sixteen MB through all that lies between, and a sanitizer's build is slow.
  request.mutable_timeout()->set_seconds(3600);
  for (const auto& sandbox : sandboxes) executions.push_back(Begin(*sandbox, request));
  for (const auto& execution : executions) {
    ASSERT_TRUE(execution.sink->WaitForEnd());
    EXPECT_EQ(execution.sink->out().size(), 1'000'000u);
  }
}

// ---- Clients that leave and come back

TEST_P(BackendTest, WhoCannotBeLeftUnaskedSaysSo) {
  if (connects()) return;
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "wait");
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  EXPECT_TRUE(absl::IsUnimplemented(execution.operation->Detach()));
  execution.operation->Cancel();
  ASSERT_TRUE(execution.sink->WaitForEnd()) << "the execution is as it was";
}

// What the request of one says that goes on without its client.
v1::ExecuteCodeRequest GoesOn(const std::string& code, const std::string& request_id = "") {
  v1::ExecuteCodeRequest request;
  request.set_code(code);
  request.set_on_disconnect(v1::ON_DISCONNECT_CONTINUE);
  request.set_request_id(request_id);
  return request;
}

TEST_P(BackendTest, WhatGoesOnIsFoundAgainFromAnyEvent) {
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, GoesOn("print before\nwait"));
  ASSERT_TRUE(execution.sink->WaitForEvents(2));
  const std::string id = execution.sink->events()[0].started().execution_id();
  EXPECT_EQ(execution.operation->Disconnect(), Departure::kGoesOn);
  EXPECT_EQ(execution.sink->ends(), 0);
  // As if the last event had not arrived. A remote server notices in its own time that we left.
  Execution back;
  ASSERT_TRUE(Eventually([&] {
    back = Connect(*sandbox, id, 1);
    Eventually([&] { return back.sink->ends() > 0 || !back.sink->events().empty(); });
    return !back.sink->events().empty();
  }));
  EXPECT_EQ(back.sink->events()[0].output().data(), "before\n");
  EXPECT_EQ(back.sink->events()[0].sequence(), 2);
  ASSERT_TRUE(Interrupt(*sandbox).ok());
  ASSERT_TRUE(back.sink->WaitForEnd());
  EXPECT_TRUE(back.sink->status().ok()) << back.sink->status();
  // Its end too is there for who missed it.
  Execution again = Connect(*sandbox, id, 2);
  ASSERT_TRUE(again.sink->WaitForEnd());
  ASSERT_FALSE(again.sink->events().empty());
  EXPECT_TRUE(again.sink->events().back().has_finished());
}

TEST_P(BackendTest, WhatDoesNotGoOnEndsWithItsClient) {
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "wait");
  ASSERT_TRUE(execution.sink->WaitForEvents(1));
  EXPECT_EQ(execution.operation->Disconnect(), Departure::kEnds);
  ASSERT_TRUE(execution.sink->WaitForEnd());
  auto after = Run(*sandbox, "print after");
  EXPECT_TRUE(after->status().ok());
}

TEST_P(BackendTest, TheSameRequestIsOneExecution) {
  auto sandbox = NewSandbox();
  auto first = Begin(*sandbox, GoesOn("print once\nwait", "r1"));
  ASSERT_TRUE(first.sink->WaitForEvents(2));
  auto second = Begin(*sandbox, GoesOn("print once\nwait", "r1"));
  ASSERT_TRUE(second.sink->WaitForEvents(2)) << "from its first event";
  EXPECT_EQ(second.sink->events()[0].started().execution_id(),
            first.sink->events()[0].started().execution_id());
  ASSERT_TRUE(first.sink->WaitForEnd()) << "its place is taken";
  EXPECT_TRUE(absl::IsAborted(first.sink->status())) << first.sink->status();
  // It has no say any more.
  first.operation->Cancel();
  auto other = Run(*sandbox, GoesOn("print other", "r1"));
  EXPECT_TRUE(absl::IsInvalidArgument(other->status())) << other->status();
  ASSERT_TRUE(Interrupt(*sandbox).ok());
  ASSERT_TRUE(second.sink->WaitForEnd());
  EXPECT_TRUE(second.sink->status().ok()) << second.sink->status();
  auto third = Run(*sandbox, GoesOn("print once\nwait", "r1"));
  EXPECT_TRUE(third->events().back().has_finished()) << "as long as it is kept";
}

TEST_P(BackendTest, ADetachedExecutionGoesOnAndIsFoundAgain) {
  if (Unseen("whose client is connected")) return;
  if (!connects()) return;
  auto sandbox = NewSandbox();
  auto execution = Begin(*sandbox, "print one\nwait");
  ASSERT_TRUE(execution.sink->WaitForEvents(2));
  const std::string id = execution.sink->events()[0].started().execution_id();
  EXPECT_TRUE(absl::IsFailedPrecondition(ConnectRefused(*sandbox, id))) << "it has its client";
  EXPECT_EQ(execution.operation->Detach(), absl::OkStatus());
  EXPECT_TRUE(absl::IsInvalidArgument(ConnectRefused(*sandbox, id, 3))) << "it has said two";
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

TEST_P(BackendTest, WhoConnectsTakesThePlaceOfAClientThatMayLeave) {
  if (!connects()) return;
  auto sandbox = NewSandbox();
  auto first = Begin(*sandbox, GoesOn("print one\nwait", ""));
  ASSERT_TRUE(first.sink->WaitForEvents(2));
  const std::string id = first.sink->events()[0].started().execution_id();
  auto second = Connect(*sandbox, id, 0);
  ASSERT_TRUE(second.sink->WaitForEvents(2));
  ASSERT_TRUE(first.sink->WaitForEnd()) << "its place is taken";
  EXPECT_TRUE(absl::IsAborted(first.sink->status())) << first.sink->status();
  // It has no say any more.
  first.operation->Cancel();
  ASSERT_TRUE(Interrupt(*sandbox).ok());
  ASSERT_TRUE(second.sink->WaitForEnd());
  EXPECT_TRUE(second.sink->status().ok()) << second.sink->status();
  EXPECT_EQ(second.sink->kind(), Termination::EXCEPTION);
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
