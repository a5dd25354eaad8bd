#ifndef WARREN_SUPERVISOR_FAILOVER_LOOP_TIMERS_H_
#define WARREN_SUPERVISOR_FAILOVER_LOOP_TIMERS_H_

#include "runtime/loop/io_loop.h"
#include "supervisor/failover/timers.h"

namespace warren {

// The IO thread's, which outlives it.
class LoopTimers final : public Timers {
 public:
  explicit LoopTimers(IoLoop& loop) : loop_(loop) {}

  MonotonicTime Now() override;
  absl::Time WallNow() override;
  void Post(Task task) override;
  TimerId After(absl::Duration delay, Task task) override;
  void Cancel(TimerId id) override;

 private:
  IoLoop& loop_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_LOOP_TIMERS_H_
