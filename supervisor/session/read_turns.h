#ifndef WARREN_SUPERVISOR_SESSION_READ_TURNS_H_
#define WARREN_SUPERVISOR_SESSION_READ_TURNS_H_

#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>

#include "runtime/loop/timer_queue.h"

namespace warren {

// Keeps contexts that flood from delaying those that answer: what a flood writes is read, encoded
// and sent by the same threads and processors, and it writes as fast as it is read. While a context
// within its share is at work, a flood is read no faster than its share, and all floods together no
// faster than a processor can do beside other things; otherwise nothing is held back.
//
// Of the IO thread. The times that it is handed do not decrease.
class ReadTurns {
 public:
  // A time slice, and what one context may say in it before it counts as a flood: 8 MiB/s.
  static constexpr std::chrono::milliseconds kSlice{16};
  static constexpr size_t kShare = 128 << 10;
  // What all floods may say beyond that in a slice while others are at work: 64 MiB/s.
  static constexpr size_t kCommon = 1 << 20;
  // What is read of a pipe in any case, so that every context comes to its end: 1 MiB/s.
  static constexpr size_t kLeast = 16 << 10;
  // How long a context counts as at work after it has said something.
  static constexpr std::chrono::milliseconds kAtWork{100};
  static constexpr size_t kUnbounded = std::numeric_limits<size_t>::max();

  // A context's own part.
  class Turn {
    friend class ReadTurns;
    MonotonicTime began_;
    size_t bytes_ = 0;
    // In its slice before, not long ago.
    bool flooded_ = false;
  };

  ReadTurns() = default;
  // With other times than kSlice and kAtWork.
  ReadTurns(std::chrono::nanoseconds slice, std::chrono::nanoseconds at_work)
      : slice_(slice), at_work_(at_work) {}

  // How much may be read of a context now, at least kLeast.
  size_t Allowance(Turn& turn, MonotonicTime now);
  // To be told after that: when the context is to be read on, if not at once. What had to be read
  // beyond the allowance, as the raw output before an event, is waited off at the rate of a share.
  std::optional<MonotonicTime> OnRead(Turn& turn, size_t bytes, MonotonicTime now);

 private:
  // The contexts within their share that were read last: two, for one may be who asks. They may be
  // gone; they are only compared.
  struct AtWork {
    const Turn* who = nullptr;
    MonotonicTime when;
  };
  void BeginSlices(Turn& turn, MonotonicTime now);
  bool OthersAtWork(const Turn& turn, MonotonicTime now) const;
  void NoteAtWork(const Turn& turn, MonotonicTime now);

  std::chrono::nanoseconds slice_{kSlice};
  std::chrono::nanoseconds at_work_{kAtWork};
  AtWork last_;
  AtWork other_;
  MonotonicTime common_began_;
  size_t common_bytes_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_READ_TURNS_H_
