#include "tests/failover/test_timers.h"

#include <utility>

namespace warren {

TestTimers::TestTimers() : thread_([this] { Run(); }) {}

void TestTimers::Stop() {
  {
    std::lock_guard lock(mu_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  // Outside of the lock, for what they keep may be the last of its kind.
  TimerQueue dropped;
  std::lock_guard lock(mu_);
  std::swap(dropped, queue_);
}

bool TestTimers::Idle() const {
  return stopped_ || (!running_ && (!queue_.Next().has_value() || *queue_.Next() > now_));
}

void TestTimers::Settle() {
  std::unique_lock lock(mu_);
  changed_.wait(lock, [this] { return Idle(); });
}

void TestTimers::Advance(absl::Duration by) {
  std::unique_lock lock(mu_);
  changed_.wait(lock, [this] { return Idle(); });
  const MonotonicTime until = now_ + absl::ToChronoNanoseconds(by);
  while (queue_.Next().has_value() && *queue_.Next() <= until && !stopped_) {
    now_ = *queue_.Next();
    changed_.notify_all();
    changed_.wait(lock, [this] { return Idle(); });
  }
  now_ = until;
}

MonotonicTime TestTimers::Now() {
  std::lock_guard lock(mu_);
  return now_;
}

absl::Time TestTimers::WallNow() {
  return absl::FromUnixSeconds(1'700'000'000) + absl::FromChrono(Now().time_since_epoch());
}

TimerId TestTimers::After(absl::Duration delay, Task task) {
  std::lock_guard lock(mu_);
  if (stopped_) return 0;
  const TimerId id =
      queue_.Add(now_ + std::max(absl::ToChronoNanoseconds(delay), std::chrono::nanoseconds(0)),
                 std::move(task));
  changed_.notify_all();
  return id;
}

void TestTimers::Cancel(TimerId id) {
  std::lock_guard lock(mu_);
  queue_.Cancel(id);
}

void TestTimers::Run() {
  std::unique_lock lock(mu_);
  while (!stopped_) {
    std::optional<Task> task = queue_.TakeDue(now_);
    if (!task.has_value()) {
      changed_.wait(lock);
      continue;
    }
    running_ = true;
    lock.unlock();
    (*task)();
    task.reset();
    lock.lock();
    running_ = false;
    changed_.notify_all();
  }
}

}  // namespace warren
