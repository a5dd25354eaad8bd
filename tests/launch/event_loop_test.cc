#include "runtime/launch/launcher/event_loop.h"

#include <unistd.h>

#include <array>
#include <string>

#include "gtest/gtest.h"
#include "runtime/base/io.h"

namespace warren {
namespace {

using std::chrono::milliseconds;

class EventLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create();
    ASSERT_TRUE(loop.ok()) << loop.status();
    loop_ = std::make_unique<EventLoop>(*std::move(loop));
    first_ = ReadablePipe();
    second_ = ReadablePipe();
    // A test that waits for nothing ends all the same.
    loop_->After(std::chrono::seconds(60), [this] {
      ADD_FAILURE() << "the loop did not stop";
      loop_->Stop();
    });
  }

  static Pipe ReadablePipe() {
    auto pipe = MakePipe();
    EXPECT_TRUE(pipe.ok());
    EXPECT_EQ(::write(pipe->write_end.get(), "x", 1), 1);
    return *std::move(pipe);
  }
  void StopSoon() {
    loop_->After(milliseconds(30), [this] { loop_->Stop(); });
  }

  std::unique_ptr<EventLoop> loop_;
  Pipe first_;
  Pipe second_;
};

TEST_F(EventLoopTest, TimersRunInTheOrderOfTheirDeadlines) {
  std::string order;
  // Apart by more than this thread is held up between two calls.
  loop_->After(milliseconds(2000), [&] {
    order += "c";
    loop_->Stop();
  });
  loop_->After(milliseconds(1000), [&] { order += "b"; });
  loop_->After(milliseconds(0), [&] { order += "a"; });
  auto start = EventLoop::Clock::now();
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_EQ(order, "abc");
  EXPECT_GE(EventLoop::Clock::now() - start, milliseconds(2000)) << "never early";
}

TEST_F(EventLoopTest, ACancelledTimerDoesNotRun) {
  bool ran = false;
  EventLoop::TimerId timer = loop_->After(milliseconds(5), [&] { ran = true; });
  loop_->Cancel(timer);
  loop_->Cancel(timer);
  loop_->Cancel(12345);
  StopSoon();
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_FALSE(ran);
}

TEST_F(EventLoopTest, CancellingOneOfEqualDeadlinesLeavesTheOther) {
  // Timers made in one call of a fast clock may share their deadline.
  int ran = 0;
  std::array<EventLoop::TimerId, 100> timers;
  for (EventLoop::TimerId& timer : timers) timer = loop_->After(milliseconds(5), [&] { ++ran; });
  for (size_t i = 0; i < timers.size(); i += 2) loop_->Cancel(timers[i]);
  StopSoon();
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_EQ(ran, 50);
}

TEST_F(EventLoopTest, ATimerMayCancelTheNextAndSetOthers) {
  std::string order;
  EventLoop::TimerId next = 0;
  loop_->After(milliseconds(1), [&] {
    order += "a";
    loop_->Cancel(next);
    loop_->After(milliseconds(1), [&] {
      order += "c";
      loop_->Stop();
    });
  });
  next = loop_->After(milliseconds(1), [&] { order += "b"; });
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_EQ(order, "ac");
}

TEST_F(EventLoopTest, AReadableFdIsCalledUntilItIsUnwatched) {
  int calls = 0;
  ASSERT_EQ(loop_->Watch(first_.read_end.get(),
                         [&] {
                           if (++calls != 3) return;
                           loop_->Unwatch(first_.read_end.get());
                           StopSoon();
                         }),
            absl::OkStatus());
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_EQ(calls, 3);
}

TEST_F(EventLoopTest, APeerThatIsGoneIsAnEventToo) {
  char byte = 0;
  ASSERT_EQ(::read(first_.read_end.get(), &byte, 1), 1);
  first_.write_end.reset();
  bool called = false;
  ASSERT_EQ(loop_->Watch(first_.read_end.get(),
                         [&] {
                           called = true;
                           loop_->Stop();
                         }),
            absl::OkStatus());
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_TRUE(called);
}

TEST_F(EventLoopTest, WhatIsUnwatchedInTheSameRoundIsNotCalled) {
  int calls = 0;
  // Both are ready; whichever comes first takes the other away.
  ASSERT_EQ(loop_->Watch(first_.read_end.get(),
                         [&] {
                           ++calls;
                           loop_->Unwatch(first_.read_end.get());
                           loop_->Unwatch(second_.read_end.get());
                         }),
            absl::OkStatus());
  ASSERT_EQ(loop_->Watch(second_.read_end.get(),
                         [&] {
                           ++calls;
                           loop_->Unwatch(first_.read_end.get());
                           loop_->Unwatch(second_.read_end.get());
                         }),
            absl::OkStatus());
  StopSoon();
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, AnEventOfAClosedFdIsNotTakenForItsSuccessor) {
  // The first callback closes the second's fd and watches a new one of the same number, which has
  // nothing to read.
  auto silent = MakePipe();
  ASSERT_TRUE(silent.ok());
  int successor_calls = 0;
  int number = second_.read_end.get();
  auto replace = [&] {
    loop_->Unwatch(first_.read_end.get());
    loop_->Unwatch(number);
    second_.read_end.reset();
    ASSERT_EQ(::dup2(silent->read_end.get(), number), number);
    second_.read_end.reset(number);
    ASSERT_EQ(loop_->Watch(number, [&] { ++successor_calls; }), absl::OkStatus());
  };
  ASSERT_EQ(loop_->Watch(first_.read_end.get(), replace), absl::OkStatus());
  ASSERT_EQ(loop_->Watch(number, replace), absl::OkStatus());
  StopSoon();
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_EQ(successor_calls, 0);
}

TEST_F(EventLoopTest, StopEndsTheRoundAtOnce) {
  int calls = 0;
  auto stop = [&] {
    ++calls;
    loop_->Stop();
  };
  ASSERT_EQ(loop_->Watch(first_.read_end.get(), stop), absl::OkStatus());
  ASSERT_EQ(loop_->Watch(second_.read_end.get(), stop), absl::OkStatus());
  ASSERT_EQ(loop_->Run(), absl::OkStatus());
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, WhatCannotBeWatchedIsAnErrorByNumber) {
  EXPECT_FALSE(loop_->Watch(-1, [] {}).ok());
  ASSERT_EQ(loop_->Watch(first_.read_end.get(), [] {}), absl::OkStatus());
  EXPECT_TRUE(absl::IsAlreadyExists(loop_->Watch(first_.read_end.get(), [] {})));
  loop_->Unwatch(4711);
}

}  // namespace
}  // namespace warren
