#include "runtime/loop/timer_queue.h"

namespace warren {

TimerId TimerQueue::Add(MonotonicTime when, Task task) {
  TimerId id = ++last_id_;
  tasks_.emplace(Key(when, id), std::move(task));
  times_.emplace(id, when);
  return id;
}

bool TimerQueue::Cancel(TimerId id) {
  auto time = times_.find(id);
  if (time == times_.end()) return false;
  tasks_.erase(Key(time->second, id));
  times_.erase(time);
  return true;
}

std::optional<MonotonicTime> TimerQueue::Next() const {
  if (tasks_.empty()) return std::nullopt;
  return tasks_.begin()->first.first;
}

std::optional<Task> TimerQueue::TakeDue(MonotonicTime now) {
  if (tasks_.empty() || tasks_.begin()->first.first > now) return std::nullopt;
  auto first = tasks_.begin();
  Task task = std::move(first->second);
  times_.erase(first->first.second);
  tasks_.erase(first);
  return task;
}

}  // namespace warren
