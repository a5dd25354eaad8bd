#ifndef WARREN_SUPERVISOR_API_OPEN_STREAMS_H_
#define WARREN_SUPERVISOR_API_OPEN_STREAMS_H_

#include <atomic>
#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "supervisor/base/memory_budget.h"

namespace warren {

// What the streams of all clients share: what is not read yet is charged to one budget, and a stop
// waits for their ends. A stream costs two atomic additions. Thread-safe.
class OpenStreams {
 public:
  // One of them, held until gRPC is done with it: all is written, or it was cancelled.
  class Stream {
   public:
    explicit Stream(OpenStreams& streams) : streams_(streams) { ++streams_.open_; }
    ~Stream() { --streams_.open_; }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

   private:
    OpenStreams& streams_;
  };

  // The budget outlives it.
  explicit OpenStreams(MemoryBudget& memory) : memory_(memory) {}

  MemoryBudget& memory() { return memory_; }
  bool any() const { return open_ > 0; }

  // Returns when none is open, or after that long; with what is left of it. Once in a server's
  // life, so it looks rather than being told.
  absl::Duration WaitUntilClosed(absl::Duration longest) const {
    constexpr absl::Duration kLook = absl::Milliseconds(5);
    const auto begin = std::chrono::steady_clock::now();
    absl::Duration left = longest;
    while (any() && left > absl::ZeroDuration()) {
      absl::SleepFor(kLook);
      left = longest - absl::FromChrono(std::chrono::steady_clock::now() - begin);
    }
    return left;
  }

 private:
  MemoryBudget& memory_;
  std::atomic<int> open_{0};
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_OPEN_STREAMS_H_
