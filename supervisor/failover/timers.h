#ifndef WARREN_SUPERVISOR_FAILOVER_TIMERS_H_
#define WARREN_SUPERVISOR_FAILOVER_TIMERS_H_

#include "absl/time/time.h"
#include "runtime/loop/timer_queue.h"

namespace warren {

// Time, and one thread to do things on later. Tasks run one after the other with no lock held, so
// what is theirs alone needs none, and they may call any backend: a backend's reply may not call
// back, nor into another backend, whose locks might be taken in the other order. Tasks that are
// still to come when it all ends are dropped.
//
// Every call is for any thread.
class Timers {
 public:
  virtual ~Timers() = default;

  virtual MonotonicTime Now() = 0;
  // As the deadlines of calls have it.
  virtual absl::Time WallNow() = 0;
  // Runs it soon.
  virtual void Post(Task task) = 0;
  // One that is over runs soon.
  virtual TimerId After(absl::Duration delay, Task task) = 0;
  // Of one that ran or runs, of none (0): changes nothing.
  virtual void Cancel(TimerId id) = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_TIMERS_H_
