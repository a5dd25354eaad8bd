#include "supervisor/session/event_stream.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace warren {
namespace {

using warren::v1::ExecutionEvent;

MemoryBudget plenty(int64_t{1} << 40);

constexpr auto kStdout = ExecutionEvent::Output::STDOUT;
constexpr auto kStderr = ExecutionEvent::Output::STDERR;

ExecutionEvent Finished() {
  ExecutionEvent event;
  event.mutable_finished();
  return event;
}

TEST(EventStreamTest, TellsTheReaderOncePerSilence) {
  int told = 0;
  EventStream stream(&plenty, [&] { ++told; });
  stream.PushOutput(kStdout, "a");
  stream.PushOutput(kStderr, "b");
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(stream.Take()->more);
  EXPECT_FALSE(stream.Take()->more);
  stream.PushOutput(kStdout, "c");
  EXPECT_EQ(told, 1) << "the reader has not seen the end yet";
  EXPECT_TRUE(stream.Take().has_value());
  EXPECT_FALSE(stream.Take().has_value());
  stream.PushOutput(kStdout, "d");
  EXPECT_EQ(told, 2);
}

TEST(EventStreamTest, JoinsOutputOfOneStreamAndKeepsTheOrderOfSeveral) {
  EventStream stream(&plenty, [] {});
  stream.PushOutput(kStdout, "a");
  stream.PushOutput(kStdout, "b");
  stream.PushOutput(kStderr, "c");
  stream.PushOutput(kStdout, "d");
  EXPECT_EQ(stream.Take()->event.output().data(), "ab");
  EXPECT_EQ(stream.Take()->event.output().data(), "c");
  EXPECT_EQ(stream.Take()->event.output().data(), "d");
}

TEST(EventStreamTest, ChunksAreBounded) {
  EventStream stream(&plenty, [] {});
  const std::string piece(200 << 10, 'x');
  for (int i = 0; i < 3; ++i) stream.PushOutput(kStdout, piece);
  EXPECT_LE(stream.Take()->event.output().data().size(), EventStream::kChunkBytes);
}

TEST(EventStreamTest, IsFullAtTheHighMarkAndDrainedAtTheLowOne) {
  bool drained = false;
  EventStream stream(&plenty, [] {});
  stream.SetOnDrained([&] { drained = true; });
  const std::string piece(256 << 10, 'x');
  EXPECT_EQ(stream.PushOutput(kStdout, piece), EventStream::Pressure::kFlowing);
  EXPECT_EQ(stream.PushOutput(kStderr, piece), EventStream::Pressure::kFlowing);
  EXPECT_EQ(stream.PushOutput(kStdout, piece), EventStream::Pressure::kFlowing);
  EXPECT_EQ(stream.PushOutput(kStderr, piece), EventStream::Pressure::kFull);
  stream.Take();
  EXPECT_FALSE(drained);
  EXPECT_EQ(stream.PushOutput(kStderr, "x"), EventStream::Pressure::kFull) << "full until drained";
  stream.Take();
  stream.Take();
  EXPECT_TRUE(drained);
}

TEST(EventStreamTest, AFloodOfTinyEventsIsFullByItsNumber) {
  EventStream stream(&plenty, [] {});
  size_t pushed = 0;
  while (stream.PushOutput(pushed % 2 == 0 ? kStdout : kStderr, "x") ==
         EventStream::Pressure::kFlowing) {
    ++pushed;
  }
  EXPECT_LE(pushed, EventStream::kHighWaterBytes / EventStream::kEventBytes);
}

// Many streams that are not read are bounded together, those that have ended too.
TEST(EventStreamTest, WhatIsNotReadCountsAndWhereMemoryIsUsedUpAStreamIsFullSooner) {
  MemoryBudget little(300 << 10);
  const std::string piece(100 << 10, 'x');
  EventStream ended(&little, [] {});
  ended.PushOutput(kStdout, piece);
  ended.PushOutput(kStderr, piece);
  ended.Finish(Finished());
  EXPECT_GT(little.used(), 200 << 10);
  {
    EventStream stream(&little, [] {});
    bool drained = false;
    stream.SetOnDrained([&] { drained = true; });
    EXPECT_EQ(stream.PushOutput(kStdout, piece), EventStream::Pressure::kFull);
    EXPECT_TRUE(little.exhausted());
    stream.Take();
    EXPECT_TRUE(drained) << "its own reader goes on";
    EXPECT_EQ(stream.PushOutput(kStdout, "x"), EventStream::Pressure::kFlowing);
  }
  while (ended.Take()) {
  }
  EXPECT_EQ(little.used(), 0);
}

TEST(EventStreamTest, EndsWithAnEventOrAStatus) {
  EventStream finished(&plenty, [] {});
  finished.Finish(Finished());
  auto last = finished.Take();
  EXPECT_TRUE(last->last);
  EXPECT_TRUE(last->status.ok());

  EventStream failed(&plenty, [] {});
  failed.Fail(absl::CancelledError("gone"));
  last = failed.Take();
  EXPECT_TRUE(last->last);
  EXPECT_TRUE(absl::IsCancelled(last->status));
}

TEST(EventStreamTest, LosesNothingBetweenTwoThreads) {
  constexpr int kEvents = 20'000;
  std::atomic<int> available{0};
  EventStream stream(&plenty, [&] { ++available; });
  std::string received;
  std::thread reader([&] {
    for (bool last = false; !last;) {
      if (available.exchange(0) == 0) {
        std::this_thread::yield();
        continue;
      }
      while (auto item = stream.Take()) {
        received += item->event.output().data();
        last = item->last;
        if (last) break;
      }
    }
  });
  std::string sent;
  for (int i = 0; i < kEvents; ++i) {
    std::string piece(1, static_cast<char>('a' + i % 26));
    stream.PushOutput(i % 7 == 0 ? kStderr : kStdout, piece);
    sent += piece;
  }
  stream.Finish(Finished());
  reader.join();
  EXPECT_EQ(received, sent);
}

}  // namespace
}  // namespace warren
