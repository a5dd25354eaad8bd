#ifndef WARREN_RUNTIME_RELAY_TOKEN_BUCKET_H_
#define WARREN_RUNTIME_RELAY_TOKEN_BUCKET_H_

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "runtime/loop/timer_queue.h"

namespace warren {

// So many a second, and so many at once after a rest. Thread-compatible.
class TokenBucket {
 public:
  // 0 a second: without a bound.
  TokenBucket(int64_t per_second, int64_t burst)
      : per_second_(per_second), burst_(burst), left_(static_cast<double>(burst)) {}

  bool bounded() const { return per_second_ > 0; }
  // Of `wanted`, how many may be taken now; Spend takes them.
  int64_t Available(int64_t wanted, MonotonicTime now) {
    if (!bounded()) return wanted;
    const double elapsed = std::chrono::duration<double>(now - filled_).count();
    if (elapsed > 0) {
      filled_ = now;
      left_ =
          std::min(left_ + elapsed * static_cast<double>(per_second_), static_cast<double>(burst_));
    }
    return static_cast<int64_t>(std::clamp(left_, 0.0, static_cast<double>(wanted)));
  }
  void Spend(int64_t taken) {
    if (bounded()) left_ -= static_cast<double>(taken);
  }
  // False, and nothing is taken, when there are not as many.
  bool TryTake(int64_t wanted, MonotonicTime now) {
    if (Available(wanted, now) < wanted) return false;
    Spend(wanted);
    return true;
  }

 private:
  int64_t per_second_;
  int64_t burst_;
  double left_;
  MonotonicTime filled_ = MonotonicClock::now();
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_TOKEN_BUCKET_H_
