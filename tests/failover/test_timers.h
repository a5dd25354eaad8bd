#ifndef WARREN_TESTS_FAILOVER_TEST_TIMERS_H_
#define WARREN_TESTS_FAILOVER_TEST_TIMERS_H_

#include <condition_variable>
#include <mutex>
#include <thread>

#include "supervisor/failover/timers.h"

namespace warren {

// Its time stands still until Advance; what is due runs on a thread of its own.
class TestTimers final : public Timers {
 public:
  TestTimers();
  ~TestTimers() override { Stop(); }

  // Drops what is still to come. Not from within a task.
  void Stop();
  // Moves on from one task's time to the next, each having run before.
  void Advance(absl::Duration by);
  // Waits until nothing is due.
  void Settle();

  MonotonicTime Now() override;
  absl::Time WallNow() override;
  void Post(Task task) override { After(absl::ZeroDuration(), std::move(task)); }
  TimerId After(absl::Duration delay, Task task) override;
  void Cancel(TimerId id) override;

 private:
  void Run();
  bool Idle() const;

  std::mutex mu_;
  std::condition_variable changed_;
  MonotonicTime now_{std::chrono::hours(1)};
  TimerQueue queue_;
  bool running_ = false;
  bool stopped_ = false;
  // The last, for it uses them.
  std::thread thread_;
};

}  // namespace warren

#endif  // WARREN_TESTS_FAILOVER_TEST_TIMERS_H_
