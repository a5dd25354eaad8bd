#include "supervisor/failover/loop_timers.h"

#include <utility>

#include "absl/time/clock.h"

namespace warren {

MonotonicTime LoopTimers::Now() { return MonotonicClock::now(); }

absl::Time LoopTimers::WallNow() { return absl::Now(); }

void LoopTimers::Post(Task task) { loop_.Post(std::move(task)); }

TimerId LoopTimers::After(absl::Duration delay, Task task) {
  return loop_.AddTimer(Now() + absl::ToChronoNanoseconds(delay), std::move(task));
}

void LoopTimers::Cancel(TimerId id) { loop_.CancelTimer(id); }

}  // namespace warren
