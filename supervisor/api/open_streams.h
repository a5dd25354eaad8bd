#ifndef WARREN_SUPERVISOR_API_OPEN_STREAMS_H_
#define WARREN_SUPERVISOR_API_OPEN_STREAMS_H_

#include <atomic>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "supervisor/base/memory_budget.h"

namespace warren {

// What the streams to all clients share: what is not read yet is charged to one budget, and a stop
// waits for their ends. A stream costs two atomic additions. Thread-safe.
class OpenStreams {
 public:
  // The budget outlives it.
  explicit OpenStreams(MemoryBudget& memory) : memory_(memory) {}

  MemoryBudget& memory() { return memory_; }

  void Opened() { open_.fetch_add(1, std::memory_order_relaxed); }
  // With everything written, its status too.
  void Closed() { open_.fetch_sub(1, std::memory_order_release); }

  // Returns when none is open, or then. Once in a server's life, so it looks rather than being
  // told.
  void WaitUntilClosed(absl::Time until) const {
    constexpr absl::Duration kLook = absl::Milliseconds(5);
    while (open_.load(std::memory_order_acquire) > 0 && absl::Now() < until) absl::SleepFor(kLook);
  }

 private:
  MemoryBudget& memory_;
  std::atomic<int> open_{0};
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_OPEN_STREAMS_H_
