#include "runtime/loop/timer_queue.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;

MonotonicTime At(int seconds) { return MonotonicTime(std::chrono::seconds(seconds)); }

class TimerQueueTest : public ::testing::Test {
 protected:
  Task Note(int what) {
    return [this, what] { ran.push_back(what); };
  }
  void RunDue(int now) {
    while (auto task = queue.TakeDue(At(now))) (*task)();
  }
  TimerQueue queue;
  std::vector<int> ran;
};

TEST_F(TimerQueueTest, RunsWhatIsDueInOrderOfTime) {
  queue.Add(At(3), Note(3));
  queue.Add(At(1), Note(1));
  queue.Add(At(2), Note(2));
  EXPECT_EQ(queue.Next(), At(1));
  RunDue(2);
  EXPECT_THAT(ran, ElementsAre(1, 2));
  EXPECT_EQ(queue.Next(), At(3));
}

TEST_F(TimerQueueTest, KeepsTheOrderOfAddingWithinAnInstant) {
  for (int i = 0; i < 5; ++i) queue.Add(At(1), Note(i));
  RunDue(1);
  EXPECT_THAT(ran, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(TimerQueueTest, CancelledTimersDoNotRun) {
  TimerId first = queue.Add(At(1), Note(1));
  queue.Add(At(2), Note(2));
  EXPECT_TRUE(queue.Cancel(first));
  EXPECT_FALSE(queue.Cancel(first));
  RunDue(5);
  EXPECT_THAT(ran, ElementsAre(2));
  EXPECT_EQ(queue.size(), 0u);
}

TEST_F(TimerQueueTest, ATimerThatWasTakenCannotBeCancelled) {
  TimerId id = queue.Add(At(1), Note(1));
  RunDue(1);
  EXPECT_FALSE(queue.Cancel(id));
}

}  // namespace
}  // namespace warren
