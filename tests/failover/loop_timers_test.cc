// Time as the IO thread has it.
#include "supervisor/failover/loop_timers.h"

#include <future>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

TEST(LoopTimersTest, TasksRunInTheirOrderOnTheLoop) {
  auto loop = IoLoop::Create();
  ASSERT_TRUE(loop.ok());
  std::thread thread([&] { (*loop)->Run(); });
  LoopTimers timers(**loop);
  std::vector<int> ran;
  std::promise<bool> done;
  timers.Post([&] { ran.push_back(1); });
  const TimerId dropped = timers.After(absl::Milliseconds(1), [&] { ran.push_back(9); });
  timers.Cancel(dropped);
  const MonotonicTime before = timers.Now();
  timers.After(absl::Milliseconds(20), [&] {
    ran.push_back(2);
    done.set_value((*loop)->OnIoThread() && timers.Now() - before >= std::chrono::milliseconds(20));
  });
  auto answer = done.get_future();
  ASSERT_EQ(answer.wait_for(absl::ToChronoSeconds(Patience())), std::future_status::ready);
  EXPECT_TRUE(answer.get());
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  (*loop)->Stop();
  thread.join();
}

}  // namespace
}  // namespace warren
