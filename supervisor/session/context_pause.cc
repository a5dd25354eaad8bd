#include <algorithm>
#include <utility>

#include "supervisor/session/context.h"

// A context's deadlines, which stand still while its sandbox is paused.
namespace warren {

void Context::Arm(Timer& timer, MonotonicTime when, LockedTask task) {
  Cancel(timer);
  timer.when = when;
  timer.task = task;
  timer.of_cell = false;
  Begin(timer);
}

void Context::ArmForRunning(Timer& timer, MonotonicTime when, LockedTask task) {
  Cancel(timer);
  timer.when = when;
  timer.task = task;
  timer.of_cell = true;
  Begin(timer);
}

void Context::Begin(Timer& timer) {
  if (still_) return Hold(timer, MonotonicClock::now());
  timer.id = timer.of_cell ? AtForRunning(timer.when, timer.task) : At(timer.when, timer.task);
}

void Context::Cancel(Timer& timer) {
  shared_.loop.CancelTimer(std::exchange(timer.id, 0));
  timer.task = nullptr;
}

void Context::Hold(Timer& timer, MonotonicTime now) {
  if (timer.task == nullptr) return;
  shared_.loop.CancelTimer(std::exchange(timer.id, 0));
  timer.left = std::max(timer.when - now, MonotonicTime::duration::zero());
}

void Context::Release(Timer& timer, MonotonicTime now) {
  if (timer.task == nullptr) return;
  timer.when = now + timer.left;
  Begin(timer);
}

void Context::StandStill() {
  MutexLock lock(&mu_);
  if (state_ == State::kDead || std::exchange(still_, true)) return;
  const MonotonicTime now = MonotonicClock::now();
  Hold(end_timer_, now);
  if (!running_) return;
  Hold(running_->timer, now);
  Hold(running_->cpu_timer, now);
}

void Context::GoOn() {
  MutexLock lock(&mu_);
  GoOnLocked();
  if (state_ != State::kDead) BeginNext();
}

void Context::GoOnLocked() {
  if (!std::exchange(still_, false) || state_ == State::kDead) return;
  const MonotonicTime now = MonotonicClock::now();
  Release(end_timer_, now);
  if (!running_) return;
  Release(running_->timer, now);
  Release(running_->cpu_timer, now);
}

}  // namespace warren
