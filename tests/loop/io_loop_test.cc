#include "runtime/loop/io_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using std::chrono::milliseconds;

class IoLoopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loop = *IoLoop::Create();
    thread = std::thread([this] { loop->Run(); });
  }
  void TearDown() override {
    loop->Stop();
    if (thread.joinable()) thread.join();
  }
  // Runs `task` on the IO thread and waits for it.
  void OnLoop(std::function<void()> task) {
    std::promise<void> done;
    loop->Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Each time the loop asks the kernel anew what is ready.
  void GoAroundSomeTimes() {
    for (int i = 0; i < 10; ++i) OnLoop([] {});
  }
  static bool Happens(std::promise<void>& promise) {
    return promise.get_future().wait_for(absl::ToChronoMilliseconds(Patience())) ==
           std::future_status::ready;
  }
  std::unique_ptr<IoLoop> loop;
  std::thread thread;
};

TEST_F(IoLoopTest, RunsPostedTasksInOrderOnItsThread) {
  std::vector<int> ran;
  bool on_thread = false;
  for (int i = 0; i < 100; ++i) loop->Post([&, i] { ran.push_back(i); });
  OnLoop([&] { on_thread = loop->OnIoThread(); });
  EXPECT_TRUE(on_thread);
  EXPECT_FALSE(loop->OnIoThread());
  ASSERT_EQ(ran.size(), 100u);
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST_F(IoLoopTest, AnEarlierTimerWakesASleepForALaterOne) {
  std::promise<void> fired;
  MonotonicTime begin = MonotonicClock::now();
  loop->AddTimer(begin + std::chrono::hours(1), [] { FAIL(); });
  // The loop has begun to sleep for it, or is about to.
  OnLoop([] {});
  loop->AddTimer(begin + milliseconds(30), [&] { fired.set_value(); });
  ASSERT_TRUE(Happens(fired)) << "the earlier timer";
  EXPECT_GE(MonotonicClock::now(), begin + milliseconds(30)) << "before its time";
}

TEST_F(IoLoopTest, ALaterTimerStillFiresAfterAnEarlierOneWasCancelled) {
  std::promise<void> fired;
  MonotonicTime begin = MonotonicClock::now();
  // On the loop, which runs no timer before the task is over, however long it takes.
  OnLoop([&] {
    TimerId cancelled = loop->AddTimer(begin + milliseconds(20), [] { FAIL(); });
    loop->AddTimer(begin + milliseconds(60), [&] { fired.set_value(); });
    loop->CancelTimer(cancelled);
  });
  ASSERT_TRUE(Happens(fired)) << "the later timer";
  EXPECT_GE(MonotonicClock::now(), begin + milliseconds(60)) << "before its time";
}

TEST_F(IoLoopTest, TellsWhenADescriptorIsReadable) {
  Pipe pipe = *MakePipe();
  std::promise<void> readable;
  OnLoop([&] {
    auto id = std::make_shared<IoLoop::WatchId>();
    auto watch = loop->Watch(pipe.read_end.get(), EPOLLIN | EPOLLET, [&, id](uint32_t) {
      loop->Unwatch(*id);
      readable.set_value();
    });
    ASSERT_TRUE(watch.ok());
    *id = *watch;
  });
  ASSERT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
  ASSERT_TRUE(Happens(readable)) << "a byte in the pipe";
}

TEST_F(IoLoopTest, NothingIsHeardOfAnUnwatchedDescriptorEvenInTheSameBatch) {
  Pipe one = *MakePipe();
  Pipe two = *MakePipe();
  std::atomic<int> calls{0};
  OnLoop([&] {
    auto ids = std::make_shared<std::vector<IoLoop::WatchId>>();
    for (Pipe* pipe : {&one, &two}) {
      ids->push_back(*loop->Watch(pipe->read_end.get(), EPOLLIN, [&, ids](uint32_t) {
        ++calls;
        // Both are ready: whichever is first silences both.
        for (IoLoop::WatchId id : *ids) loop->Unwatch(id);
      }));
    }
    ASSERT_EQ(::write(one.write_end.get(), "x", 1), 1);
    ASSERT_EQ(::write(two.write_end.get(), "x", 1), 1);
  });
  ASSERT_TRUE(Eventually([&] { return calls > 0; })) << "either pipe";
  GoAroundSomeTimes();
  EXPECT_EQ(calls, 1);
}

// Else what its users gave it would live on with what they held of theirs.
TEST_F(IoLoopTest, NothingIsKeptBeyondTheEndOfRun) {
  Pipe pipe = *MakePipe();
  auto held = std::make_shared<int>(0);
  OnLoop([&] {
    ASSERT_TRUE(loop->Watch(pipe.read_end.get(), EPOLLIN, [held](uint32_t) {}).ok());
    loop->AddTimer(MonotonicClock::now() + std::chrono::hours(1), [held] {});
    // Behind the stop, so that it never runs.
    loop->Stop();
    loop->Post([held] {});
  });
  thread.join();
  EXPECT_EQ(held.use_count(), 1);
}

// What the sandbox's back-pressure rests on.
TEST_F(IoLoopTest, AnEdgeTriggeredPipeThatIsNotReadCostsNoFurtherWakeUps) {
  Pipe pipe = *MakePipe();
  std::atomic<int> calls{0};
  IoLoop::WatchId watch = IoLoop::kNoWatch;
  OnLoop([&] {
    watch = *loop->Watch(pipe.read_end.get(), EPOLLIN | EPOLLET, [&](uint32_t) { ++calls; });
  });
  ASSERT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
  ASSERT_TRUE(Eventually([&] { return calls > 0; })) << "the pipe";
  GoAroundSomeTimes();
  OnLoop([&] { loop->Unwatch(watch); });
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace warren
