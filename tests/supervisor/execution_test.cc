// An execution with and without its client, and what is kept for one that comes back.
#include "supervisor/session/execution.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using warren::v1::ExecutionEvent;
constexpr auto kOut = ExecutionEvent::Output::STDOUT;
constexpr auto kErr = ExecutionEvent::Output::STDERR;
constexpr int64_t kMebibyte = 1 << 20;

ExecutionEvent LastEvent() {
  ExecutionEvent event;
  event.mutable_finished()->set_execution_count(7);
  return event;
}
ExecutionEvent Display(size_t bytes) {
  ExecutionEvent event;
  (*event.mutable_display()->mutable_data())["text/plain"] = std::string(bytes, 'd');
  return event;
}

class ExecutionTest : public LoopTest {
 protected:
  explicit ExecutionTest(int64_t bytes = 100 * kMebibyte)
      : budget(bytes), detached(*loop, bytes, &budget) {}
  ~ExecutionTest() override { StopLoop(); }
  std::shared_ptr<Execution> New() {
    return std::make_shared<Execution>(Cell("1"), sink, detached);
  }
  // What a client gets that connects, up to now.
  std::shared_ptr<FakeSink> Connect(Execution& execution, int64_t after) {
    auto back = std::make_shared<FakeSink>();
    EXPECT_TRUE(execution.Attach(back, after).ok());
    return back;
  }

  MemoryBudget budget;
  DetachedExecutions detached;
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
};

TEST_F(ExecutionTest, AnAttachedOneKeepsNothing) {
  auto execution = New();
  execution->PushOutput(kOut, std::string(kMebibyte, 'x'), 1);
  execution->Push(Display(1000), 2);
  EXPECT_EQ(budget.used(), 0);
  execution->Finish(LastEvent(), 3);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(budget.used(), 0);
  EXPECT_FALSE(execution->Detach()) << "it has ended";
}

// ---- Those that may be left without a word

class KeptTest : public ExecutionTest {
 protected:
  std::shared_ptr<Execution> NewKept(const std::string& request_id = "") {
    auto request = Cell("1");
    request.set_on_disconnect(warren::v1::ON_DISCONNECT_CONTINUE);
    request.set_request_id(request_id);
    auto execution = std::make_shared<Execution>(request, sink, detached);
    if (request_id.empty()) detached.Add("sb1", nullptr, execution);
    return execution;
  }
};

TEST_F(KeptTest, WhatASinkHadIsThereForWhoComesBackAndSoIsTheEnd) {
  auto execution = NewKept();
  execution->PushOutput(kOut, "seen", 1);
  execution->Push(Display(1), 2);
  execution->PushOutput(kOut, "taken but not written", 3);
  EXPECT_TRUE(execution->Detach());
  auto back = Connect(*execution, 2);
  EXPECT_EQ(back->output(), "taken but not written");
  execution->Finish(LastEvent(), 4);
  EXPECT_TRUE(back->WaitForEnd().ok());
  // That end may not have arrived either.
  EXPECT_NE(detached.Find("sb1", execution->id()).execution, nullptr);
  auto again = Connect(*execution, 3);
  EXPECT_TRUE(again->WaitForEnd().ok());
  EXPECT_TRUE(again->well_formed());
}

TEST_F(KeptTest, ARivalTakesThePlaceAndTheOtherHasNoSayAnyMore) {
  auto execution = NewKept();
  execution->PushOutput(kOut, "a", 1);
  auto rival = std::make_shared<FakeSink>();
  EXPECT_TRUE(absl::IsFailedPrecondition(execution->Attach(rival, 0).status()));
  auto client = execution->Attach(rival, 0, Execution::Rivals::kReplaced);
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE(absl::IsAborted(sink->WaitForEnd()));
  EXPECT_EQ(rival->output(), "a");
  EXPECT_TRUE(execution->IsClient(*client));
  EXPECT_FALSE(execution->IsClient(Execution::kFirstClient));
  // Who has lost its place takes nobody else's.
  EXPECT_FALSE(execution->Detach(Execution::kFirstClient));
  execution->PushOutput(kOut, "b", 2);
  EXPECT_EQ(rival->output(), "ab");
  EXPECT_EQ(sink->output(), "a");
}

TEST_F(KeptTest, WhatItsClientsGoingDoesIsForTheLastOneToSay) {
  auto execution = New();
  EXPECT_FALSE(execution->goes_on());
  EXPECT_FALSE(execution->kept());
  execution->Detach();
  ASSERT_TRUE(execution
                  ->Attach(std::make_shared<FakeSink>(), 0, Execution::Rivals::kRefused,
                           warren::v1::ON_DISCONNECT_CONTINUE)
                  .ok());
  EXPECT_TRUE(execution->goes_on());
  EXPECT_TRUE(execution->kept());
}

TEST_F(KeptTest, ARequestIdNamesOneExecutionOfItsSandbox) {
  auto first = NewKept("r1"), second = NewKept("r1");
  auto added = detached.AddOnce("sb1", "r1", "print", nullptr, first);
  ASSERT_TRUE(added.ok());
  EXPECT_EQ(added->execution, nullptr);
  added = detached.AddOnce("sb1", "r1", "print", nullptr, second);
  ASSERT_TRUE(added.ok());
  EXPECT_EQ(added->execution, first);
  EXPECT_TRUE(absl::IsInvalidArgument(detached.FindRequest("sb1", "r1", "other").status()));
  EXPECT_EQ(detached.FindRequest("sb2", "r1", "print")->execution, nullptr);
  // As long as it is kept.
  detached.Remove(first->id());
  EXPECT_EQ(detached.FindRequest("sb1", "r1", "print")->execution, nullptr);
}

TEST_F(ExecutionTest, FlowIsThatOfTheSinkAndNobodyIsNeverSlow) {
  auto execution = New();
  sink->Answer(Flow::kPause);
  EXPECT_EQ(execution->PushOutput(kOut, "x", 1), Flow::kPause);
  EXPECT_EQ(execution->Push(Display(1), 1), Flow::kPause);
  EXPECT_TRUE(execution->Detach());
  EXPECT_EQ(execution->PushOutput(kOut, "x", 1), Flow::kContinue);
  EXPECT_EQ(execution->Push(Display(1), 1), Flow::kContinue);
}

TEST_F(ExecutionTest, WhatWasMissedComesFirstThenWhatComes) {
  auto execution = New();
  execution->PushOutput(kOut, "a", 10);
  execution->Detach();
  execution->PushOutput(kOut, "b", 20);
  execution->PushOutput(kOut, "c", 30);
  execution->PushOutput(kErr, "e", 40);
  execution->Push(Display(3), 50);
  auto back = Connect(*execution, 1);
  execution->PushOutput(kOut, "f", 60);
  execution->Finish(LastEvent(), 70);
  const auto events = back->events();
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].output().data(), "bc") << "joined";
  EXPECT_EQ(events[0].sequence(), 3) << "the place of its last part";
  EXPECT_EQ(events[0].time_unix_nanos(), 20) << "the time of its first part";
  EXPECT_EQ(events[1].output().stream(), kErr);
  EXPECT_TRUE(events[2].has_display());
  EXPECT_EQ(events[3].output().data(), "f");
  EXPECT_EQ(events[3].sequence(), 6);
  EXPECT_EQ(events[4].finished().execution_count(), 7);
  EXPECT_TRUE(back->well_formed());
  EXPECT_EQ(sink->output(), "a");
  EXPECT_EQ(budget.used(), 0);
}

TEST_F(ExecutionTest, WhatHasNoRoomIsCutFromTheOldestAndCounted) {
  auto execution = New();
  execution->PushOutput(kOut, "seen", 1);
  execution->Detach();
  const std::string piece(100 << 10, 'x');
  for (int i = 0; i < 30; ++i) execution->PushOutput(i % 2 == 0 ? kOut : kErr, piece, 2);
  EXPECT_LE(budget.used(), ReplayBuffer::kMaxBytes);
  execution->Finish(LastEvent(), 3);
  EXPECT_LE(budget.used(), ReplayBuffer::kMaxBytes);
  detached.Add("sb1", nullptr, execution);
  auto back = Connect(*execution, 1);
  const auto events = back->events();
  ASSERT_GT(events.size(), 2u);
  ASSERT_TRUE(events[0].has_missed());
  EXPECT_EQ(events[0].missed().events(), 30 - static_cast<int64_t>(events.size() - 2));
  EXPECT_EQ(events[0].missed().bytes(),
            events[0].missed().events() * static_cast<int64_t>(piece.size()));
  // No gap but the one that is counted.
  EXPECT_EQ(events[0].sequence(), 1 + events[0].missed().events());
  for (size_t i = 1; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), events[i - 1].sequence() + 1);
  }
  EXPECT_EQ(events.back().finished().execution_count(), 7);
  EXPECT_TRUE(back->well_formed());
}

// What a client names as seen last may be in the middle of what is joined here.
TEST_F(ExecutionTest, OfJoinedOutputTheRestIsTold) {
  auto execution = New();
  execution->Detach();
  for (const char* part : {"one ", "two ", "three "}) execution->PushOutput(kOut, part, 1);
  execution->Finish(LastEvent(), 2);
  detached.Add("sb1", nullptr, execution);
  const char* const rests[] = {"one two three ", "two three ", "three ", ""};
  for (int64_t after = 0; after < 4; ++after) {
    auto back = Connect(*execution, after);
    EXPECT_EQ(back->output(), rests[after]) << after;
    EXPECT_FALSE(back->events().front().has_missed()) << after;
  }
}

TEST_F(ExecutionTest, AnEventLargerThanTheBufferIsMissedAndTheLastOneNever) {
  auto execution = New();
  execution->Detach();
  execution->PushOutput(kOut, "small", 1);
  execution->Push(Display(2 * kMebibyte), 2);
  execution->PushOutput(kOut, "after", 3);
  auto back = Connect(*execution, 0);
  auto events = back->events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].missed().events(), 2);
  EXPECT_EQ(events[1].output().data(), "after");
  EXPECT_TRUE(execution->Detach(Execution::kFirstClient + 1));
  ExecutionEvent last = LastEvent();
  (*(*last.mutable_finished()->mutable_user_expressions())["x"]
        .mutable_display()
        ->mutable_data())["text/plain"] = std::string(2 * kMebibyte, 'd');
  execution->Finish(last, 4);
  auto again = Connect(*execution, 3);
  ASSERT_EQ(again->events().size(), 1u);
  EXPECT_EQ(again->events()[0].finished().user_expressions_size(), 1);
}

TEST_F(ExecutionTest, NobodyGoesOnBehindAnEventThatDoesNotExist) {
  auto execution = New();
  execution->PushOutput(kOut, "x", 1);
  execution->Detach();
  for (int64_t after : {int64_t{2}, INT64_MAX}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(execution->Attach(std::make_shared<FakeSink>(), after).status()));
  }
  EXPECT_TRUE(Connect(*execution, 1)->events().empty());
}

TEST_F(ExecutionTest, EventsThatASinkTookAndItsClientNeverGotAreMissed) {
  auto execution = New();
  for (int i = 0; i < 5; ++i) execution->PushOutput(kOut, "x", 1);
  execution->Detach();
  auto back = Connect(*execution, 2);
  ASSERT_EQ(back->events().size(), 1u);
  EXPECT_EQ(back->events()[0].missed().events(), 3);
  EXPECT_EQ(back->events()[0].sequence(), 5);
}

TEST_F(ExecutionTest, OneThatFailedSaysSoToWhoComesBack) {
  auto execution = New();
  execution->Detach();
  execution->Fail(absl::FailedPreconditionError("the context is gone"));
  auto back = std::make_shared<FakeSink>();
  EXPECT_TRUE(execution->Attach(back, 0).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(back->WaitForEnd()));
  EXPECT_TRUE(back->events().empty());
}

TEST_F(ExecutionTest, DetachFromWithinAPushEndsWithThatPush) {
  auto execution = New();
  sink->OnPush([&] { EXPECT_TRUE(execution->Detach()); });
  execution->PushOutput(kOut, "a", 1);
  execution->PushOutput(kOut, "b", 2);
  EXPECT_EQ(sink->output(), "a");
  EXPECT_EQ(Connect(*execution, 1)->output(), "b");
}

TEST_F(ExecutionTest, NothingComesAfterDetachHasReturned) {
  for (int round = 0; round < 50; ++round) {
    auto each = std::make_shared<FakeSink>();
    auto execution = std::make_shared<Execution>(Cell("1"), each, detached);
    std::atomic<bool> detached_now{false};
    std::atomic<bool> late{false};
    each->OnPush([&] { late = late || detached_now; });
    std::thread producer([&] {
      for (int i = 0; i < 200; ++i) execution->PushOutput(kOut, "x", 1);
      execution->Finish(LastEvent(), 2);
    });
    execution->Detach();
    detached_now = true;
    producer.join();
    EXPECT_FALSE(late);
    if (each->ended()) continue;
    // All of it is with one or the other.
    auto back = Connect(*execution, static_cast<int64_t>(each->events().size()));
    EXPECT_EQ(each->output().size() + back->output().size(), 200u);
    EXPECT_TRUE(back->well_formed());
  }
}

class NoRoomTest : public ExecutionTest {
 protected:
  NoRoomTest() : ExecutionTest(200 << 10) {}
};

TEST_F(NoRoomTest, ManyBuffersAreBoundedTogether) {
  std::vector<std::shared_ptr<Execution>> executions;
  for (int i = 0; i < 10; ++i) {
    executions.push_back(New());
    executions.back()->Detach();
    for (int k = 0; k < 10; ++k) {
      executions.back()->PushOutput(kOut, std::string(50 << 10, 'x'), 1);
    }
    EXPECT_LE(budget.used(), 200 << 10);
  }
  for (const auto& execution : executions) execution->Finish(LastEvent(), 2);
  auto last = Connect(*executions.back(), 0);
  ASSERT_EQ(last->events().size(), 2u);
  EXPECT_EQ(last->events()[0].missed().events(), 10);
  EXPECT_EQ(last->events()[0].missed().bytes(), 10 * (50 << 10));
  EXPECT_TRUE(last->events()[1].has_finished());
  executions.clear();
  EXPECT_EQ(budget.used(), 0);
}

// ---- The executions that nobody listens to

class DetachedTest : public ExecutionTest {
 protected:
  std::shared_ptr<Execution> AddEnded(const std::string& sandbox_id) {
    auto execution = New();
    execution->Detach();
    detached.Add(sandbox_id, nullptr, execution);
    execution->Finish(LastEvent(), 1);
    return execution;
  }
  bool Has(const std::string& sandbox_id, const std::shared_ptr<Execution>& execution) {
    return detached.Find(sandbox_id, execution->id()).execution == execution;
  }
};

TEST_F(DetachedTest, AreFoundInTheirSandboxUntilTheyAreRemoved) {
  auto execution = New();
  execution->Detach();
  detached.Add("sb1", nullptr, execution);
  EXPECT_TRUE(Has("sb1", execution));
  EXPECT_FALSE(Has("sb2", execution));
  detached.Remove(execution->id());
  EXPECT_FALSE(Has("sb1", execution));
  detached.Remove(execution->id());
}

TEST_F(DetachedTest, OneThatEndedBeforeItWasAddedIsOneOfTheEndedToo) {
  auto execution = New();
  execution->Detach();
  execution->Finish(LastEvent(), 1);
  detached.Add("sb1", nullptr, execution);
  for (size_t i = 0; i < DetachedExecutions::kMaxEndedOfSandbox; ++i) AddEnded("sb1");
  EXPECT_FALSE(Has("sb1", execution)) << "as the oldest, it had to go";
}

TEST_F(DetachedTest, EndedOnesAreBoundedByNumberOfOneSandboxAndOfAll) {
  auto others = AddEnded("sb-other");
  auto running = New();
  running->Detach();
  detached.Add("sb1", nullptr, running);
  std::vector<std::shared_ptr<Execution>> mine;
  for (size_t i = 0; i < DetachedExecutions::kMaxEndedOfSandbox + 3; ++i) {
    mine.push_back(AddEnded("sb1"));
  }
  EXPECT_FALSE(Has("sb1", mine[2]));
  EXPECT_TRUE(Has("sb1", mine[3]));
  EXPECT_TRUE(Has("sb-other", others)) << "one sandbox does not push out another's";
  for (size_t i = 0; i < DetachedExecutions::kMaxEnded; ++i) AddEnded(absl::StrCat("many", i));
  EXPECT_FALSE(Has("sb-other", others));
  EXPECT_TRUE(Has("sb1", running)) << "what goes on is not forgotten";
  EXPECT_EQ(detached.size(), DetachedExecutions::kMaxEnded + 1);
  detached.ForgetSandbox("sb1");
  EXPECT_FALSE(Has("sb1", running));
}

TEST_F(DetachedTest, EndedOnesAreForgottenAfterTheirTime) {
  DetachedExecutions hasty(*loop, kMebibyte, &budget, std::chrono::milliseconds(1));
  std::vector<std::shared_ptr<Execution>> all;
  for (int i = 0; i < 3; ++i) {
    auto execution = std::make_shared<Execution>(Cell("1"), sink, hasty);
    execution->Detach();
    hasty.Add("sb1", nullptr, execution);
    all.push_back(std::move(execution));
  }
  all[0]->Finish(LastEvent(), 1);
  all[1]->Finish(LastEvent(), 1);
  EXPECT_TRUE(Eventually([&] { return hasty.size() == 1; }));
  EXPECT_EQ(hasty.Find("sb1", all[2]->id()).execution, all[2]) << "it goes on";
  all[2]->Finish(LastEvent(), 1);
  EXPECT_TRUE(Eventually([&] { return hasty.size() == 0; }));
  StopLoop();
}

}  // namespace
}  // namespace warren
