#ifndef WARREN_RUNTIME_LOOP_TIMER_QUEUE_H_
#define WARREN_RUNTIME_LOOP_TIMER_QUEUE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace warren {

// Deadlines are on the monotonic clock: a step of the wall clock neither kills a cell nor keeps one
// alive.
using MonotonicClock = std::chrono::steady_clock;
using MonotonicTime = MonotonicClock::time_point;

// 0 is no timer.
using TimerId = uint64_t;
using Task = absl::AnyInvocable<void()>;

// Tasks ordered by their time; those of the same instant run in the order in which they were added.
// Thread-compatible.
class TimerQueue {
 public:
  TimerId Add(MonotonicTime when, Task task);
  // False when the timer has been taken already, or never was.
  bool Cancel(TimerId id);
  std::optional<MonotonicTime> Next() const;
  // Takes the first task that is due at `now`; nothing when none is.
  std::optional<Task> TakeDue(MonotonicTime now);
  size_t size() const { return tasks_.size(); }

 private:
  // The id grows, so it breaks ties in the order of adding.
  using Key = std::pair<MonotonicTime, TimerId>;
  std::map<Key, Task> tasks_;
  std::unordered_map<TimerId, MonotonicTime> times_;
  TimerId last_id_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LOOP_TIMER_QUEUE_H_
