#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_USE_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_USE_H_

#include <time.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "runtime/loop/timer_queue.h"

namespace warren {

// When a sandbox was used last, for its lifetime. A use costs two atomic additions and a store; who
// asks is the timer of its expiry, long after. Thread-safe.
class UseMeter {
 public:
  // To a tick of the kernel's, some milliseconds: a lifetime is a second at least.
  static MonotonicTime CoarseNow() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return MonotonicTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }

  void Begin() { in_use_.fetch_add(1, std::memory_order_relaxed); }
  void End() {
    SetLastUse(CoarseNow());
    // After the store: who sees nothing in use sees when that ended.
    in_use_.fetch_sub(1, std::memory_order_release);
  }
  bool in_use() const { return in_use_.load(std::memory_order_acquire) > 0; }
  // The end of the last one.
  MonotonicTime last_use() const {
    return MonotonicTime(MonotonicTime::duration(last_use_.load(std::memory_order_relaxed)));
  }
  void SetLastUse(MonotonicTime time) {
    last_use_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<int> in_use_{0};
  std::atomic<MonotonicTime::rep> last_use_{CoarseNow().time_since_epoch().count()};
};

// Held while a call goes on that uses a process or a file of the sandbox (an execution, a connected
// process, a transfer, a watch): meanwhile a lifetime that counts from the last use does not end.
class SandboxUse {
 public:
  SandboxUse() = default;
  explicit SandboxUse(std::shared_ptr<UseMeter> meter) : meter_(std::move(meter)) {
    meter_->Begin();
  }
  SandboxUse(SandboxUse&&) = default;
  SandboxUse& operator=(SandboxUse&& other) noexcept {
    End();
    meter_ = std::move(other.meter_);
    return *this;
  }
  ~SandboxUse() { End(); }

  // Before the destructor, where that comes late.
  void End() {
    if (meter_ == nullptr) return;
    meter_->End();
    meter_.reset();
  }

 private:
  std::shared_ptr<UseMeter> meter_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_USE_H_
