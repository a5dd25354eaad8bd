#include "supervisor/backend/event_queue.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace warren {
namespace {

using warren::v1::ExecutionEvent;
// Where memory is not what is tested.
MemoryBudget plenty(int64_t{1} << 40);
constexpr auto kStdout = ExecutionEvent::Output::STDOUT;
constexpr auto kStderr = ExecutionEvent::Output::STDERR;

ExecutionEvent Finished() {
  ExecutionEvent event;
  event.mutable_finished();
  return event;
}

// Counts what is asked of it.
struct Asked {
  int resumed = 0;
  int cancelled = 0;
  bool alive = false;
};
class CountingOperation final : public Operation {
 public:
  explicit CountingOperation(Asked& asked) : asked_(asked) { asked_.alive = true; }
  ~CountingOperation() override { asked_.alive = false; }
  void Resume() override { ++asked_.resumed; }
  void Cancel() override { ++asked_.cancelled; }

 private:
  Asked& asked_;
};

void FillUp(EventQueue& queue) {
  const std::string piece(256 << 10, 'x');
  for (int i = 0; i < 4; ++i) queue.PushOutput(i % 2 == 0 ? kStdout : kStderr, piece, {});
}

TEST(EventQueueTest, TellsTheReaderOncePerSilence) {
  int told = 0;
  EventQueue queue(&plenty, [&] { ++told; });
  queue.PushOutput(kStdout, "a", {});
  queue.PushOutput(kStderr, "b", {});
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(queue.Take()->more);
  EXPECT_FALSE(queue.Take()->more);
  queue.PushOutput(kStdout, "c", {});
  EXPECT_EQ(told, 1) << "the reader has not seen the end yet";
  EXPECT_TRUE(queue.Take().has_value());
  EXPECT_FALSE(queue.Take().has_value());
  queue.PushOutput(kStdout, "d", {});
  EXPECT_EQ(told, 2);
}

TEST(EventQueueTest, JoinsOutputOfOneStreamAndKeepsTheOrderOfSeveral) {
  EventQueue queue(&plenty, [] {});
  queue.PushOutput(kStdout, "a", {});
  queue.PushOutput(kStdout, "b", {});
  queue.PushOutput(kStderr, "c", {});
  queue.PushOutput(kStdout, "d", {});
  EXPECT_EQ(queue.Take()->event.output().data(), "ab");
  EXPECT_EQ(queue.Take()->event.output().data(), "c");
  EXPECT_EQ(queue.Take()->event.output().data(), "d");
}

TEST(EventQueueTest, JoinedOutputHasTheTimeOfItsFirstPartAndThePlaceOfItsLast) {
  EventQueue queue(&plenty, [] {});
  queue.PushOutput(kStdout, "a", {100, 7});
  queue.PushOutput(kStdout, "b", {200, 8});
  auto item = queue.Take();
  EXPECT_EQ(item->event.time_unix_nanos(), 100);
  EXPECT_EQ(item->event.sequence(), 8);
}

TEST(EventQueueTest, WhatHasBegunSaysSoFirstOrNotAtAll) {
  int told = 0;
  EventQueue silent(&plenty, [&] { ++told; });
  silent.Begin();
  EXPECT_EQ(told, 1);
  silent.PushOutput(kStdout, "a", {});
  auto item = silent.Take();
  EXPECT_TRUE(item->begun);
  EXPECT_FALSE(item->last);
  item = silent.Take();
  EXPECT_FALSE(item->begun);
  EXPECT_EQ(item->event.output().data(), "a");
  EventQueue spoke(&plenty, [] {});
  spoke.PushOutput(kStdout, "a", {});
  spoke.Begin();
  EXPECT_FALSE(spoke.Take()->more) << "a door would wait for it";
  EXPECT_FALSE(spoke.Take().has_value());
}

TEST(EventQueueTest, ChunksAreBounded) {
  EventQueue queue(&plenty, [] {});
  const std::string piece(200 << 10, 'x');
  for (int i = 0; i < 3; ++i) queue.PushOutput(kStdout, piece, {});
  EXPECT_LE(queue.Take()->event.output().data().size(), EventQueue::kChunkBytes);
}

TEST(EventQueueTest, PausesAtTheHighMarkAndResumesAtTheLowOne) {
  Asked asked;
  EventQueue queue(&plenty, [] {});
  queue.Attach(std::make_unique<CountingOperation>(asked));
  const std::string piece(256 << 10, 'x');
  EXPECT_EQ(queue.PushOutput(kStdout, piece, {}), Flow::kContinue);
  EXPECT_EQ(queue.PushOutput(kStderr, piece, {}), Flow::kContinue);
  EXPECT_EQ(queue.PushOutput(kStdout, piece, {}), Flow::kContinue);
  EXPECT_EQ(queue.PushOutput(kStderr, piece, {}), Flow::kPause);
  queue.Take();
  EXPECT_EQ(asked.resumed, 0);
  EXPECT_EQ(queue.PushOutput(kStderr, "x", {}), Flow::kPause) << "full until drained";
  queue.Take();
  queue.Take();
  EXPECT_EQ(asked.resumed, 1);
  EXPECT_EQ(queue.PushOutput(kStderr, "x", {}), Flow::kContinue);
}

TEST(EventQueueTest, AFloodOfTinyEventsPausesByItsNumber) {
  EventQueue queue(&plenty, [] {});
  int64_t pushed = 0;
  while (queue.PushOutput(pushed % 2 == 0 ? kStdout : kStderr, "x", {}) == Flow::kContinue) {
    ++pushed;
  }
  EXPECT_LE(pushed, EventQueue::kHighWaterBytes / EventQueue::kEventBytes);
}

// Many queues that are not read are bounded together, those that have ended too.
TEST(EventQueueTest, WhatIsNotReadCountsAndWhereMemoryIsUsedUpAQueueIsFullSooner) {
  MemoryBudget little(300 << 10);
  const std::string piece(100 << 10, 'x');
  EventQueue ended(&little, [] {});
  ended.PushOutput(kStdout, piece, {});
  ended.PushOutput(kStderr, piece, {});
  ended.Push(Finished());
  EXPECT_GT(little.used(), 200 << 10);
  {
    Asked asked;
    EventQueue queue(&little, [] {});
    queue.Attach(std::make_unique<CountingOperation>(asked));
    EXPECT_EQ(queue.PushOutput(kStdout, piece, {}), Flow::kPause);
    EXPECT_TRUE(little.exhausted());
    queue.Take();
    EXPECT_EQ(asked.resumed, 1) << "its own reader goes on";
    EXPECT_EQ(queue.PushOutput(kStdout, "x", {}), Flow::kContinue);
    queue.Close();
  }
  while (ended.Take()) {
  }
  EXPECT_EQ(little.used(), 0);
}

TEST(EventQueueTest, WhatIsAskedBeforeTheOperationIsThereIsDoneOnceItIs) {
  Asked asked;
  EventQueue queue(&plenty, [] {});
  FillUp(queue);
  while (queue.Take()) {
  }
  queue.Cancel();
  queue.Attach(std::make_unique<CountingOperation>(asked));
  EXPECT_EQ(asked.resumed, 1);
  EXPECT_EQ(asked.cancelled, 1);
  queue.Cancel();
  EXPECT_EQ(asked.cancelled, 2);
}

TEST(EventQueueTest, FinishedIsTheLastEventWithoutTheEndBehindIt) {
  EventQueue queue(&plenty, [] {});
  queue.Push(Finished());
  auto last = queue.Take();
  EXPECT_TRUE(last->last);
  EXPECT_TRUE(last->status.ok());
  queue.End(absl::OkStatus());
  EXPECT_FALSE(queue.Take().has_value());
}

TEST(EventQueueTest, EndsWithAStatus) {
  EventQueue queue(&plenty, [] {});
  queue.End(absl::CancelledError("gone"));
  auto last = queue.Take();
  EXPECT_TRUE(last->last);
  EXPECT_TRUE(absl::IsCancelled(last->status));
}

TEST(EventQueueTest, AnEndWithoutFinishedIsNoSuccess) {
  EventQueue queue(&plenty, [] {});
  queue.PushOutput(kStdout, "a", {});
  queue.End(absl::OkStatus());
  queue.Take();
  EXPECT_TRUE(absl::IsInternal(queue.Take()->status));
}

TEST(EventQueueTest, AClosedQueueDropsEventsAndOperationAndTellsNobody) {
  int told = 0;
  Asked asked;
  EventQueue queue(&plenty, [&] { ++told; });
  queue.Attach(std::make_unique<CountingOperation>(asked));
  queue.Close();
  EXPECT_FALSE(asked.alive);
  FillUp(queue);
  EXPECT_EQ(queue.PushOutput(kStdout, "x", {}), Flow::kContinue) << "nobody would resume it";
  queue.End(absl::OkStatus());
  EXPECT_EQ(told, 0);
  queue.Attach(std::make_unique<CountingOperation>(asked));
  EXPECT_FALSE(asked.alive) << "an operation that comes late goes at once";
}

TEST(EventQueueTest, LosesNothingBetweenTwoThreads) {
  constexpr int kEvents = 20'000;
  std::atomic<int> available{0};
  EventQueue queue(&plenty, [&] { ++available; });
  std::string received;
  std::thread reader([&] {
    for (bool last = false; !last;) {
      if (available.exchange(0) == 0) {
        std::this_thread::yield();
        continue;
      }
      while (auto item = queue.Take()) {
        received += item->event.output().data();
        last = item->last;
        if (last) break;
      }
    }
  });
  std::string sent;
  for (int i = 0; i < kEvents; ++i) {
    std::string piece(1, static_cast<char>('a' + i % 26));
    queue.PushOutput(i % 7 == 0 ? kStderr : kStdout, piece, {});
    sent += piece;
  }
  queue.Push(Finished());
  reader.join();
  EXPECT_EQ(received, sent);
}

}  // namespace
}  // namespace warren
