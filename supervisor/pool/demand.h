#ifndef WARREN_SUPERVISOR_POOL_DEMAND_H_
#define WARREN_SUPERVISOR_POOL_DEMAND_H_

#include <chrono>

#include "runtime/loop/timer_queue.h"

namespace warren {

// How many sandboxes of one template should be ready beyond the configured number, from what was
// asked of late:
// - what the present rate of creates uses up while one is being made, twice, for creates do not
// come evenly;
// - the largest number of callers that once had to wait at the same time: that many more would have
// served all of
//   them. It halves every minute, so a burst that comes back finds its sandboxes and one that does
//   not is forgotten.
//
// Pure arithmetic on the times it is given; thread-compatible.
class Demand {
 public:
  void NoteCreate(MonotonicTime now);
  void NoteWaiting(int waiting, MonotonicTime now);
  void NoteMade(std::chrono::nanoseconds latency);

  int Extra(MonotonicTime now) const;
  std::chrono::nanoseconds make_latency() const { return latency_; }

 private:
  double RateAt(MonotonicTime now) const;
  double ShortageAt(MonotonicTime now) const;

  // Creates a second, averaged over some ten seconds.
  double rate_ = 0;
  MonotonicTime rate_time_;
  double shortage_ = 0;
  MonotonicTime shortage_time_;
  std::chrono::nanoseconds latency_{std::chrono::milliseconds(10)};
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_POOL_DEMAND_H_
