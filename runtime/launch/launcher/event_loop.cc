#include "runtime/launch/launcher/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {

absl::StatusOr<EventLoop> EventLoop::Create() {
  EventLoop loop;
  loop.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop.epoll_.valid()) return Errno("epoll_create1");
  return loop;
}

absl::Status EventLoop::Watch(int fd, std::function<void()> callback) {
  uint32_t generation = next_generation_++;
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<uint64_t>(generation) << 32 | static_cast<uint32_t>(fd);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return Errno(absl::StrCat("watch fd ", fd));
  watches_[fd] = {generation, std::move(callback)};
  return absl::OkStatus();
}

void EventLoop::Unwatch(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::After(Clock::duration delay, std::function<void()> callback) {
  TimerId id = next_timer_++;
  Clock::time_point deadline = Clock::now() + delay;
  timers_.emplace(deadline, Timer{id, std::move(callback)});
  deadlines_[id] = deadline;
  return id;
}

void EventLoop::Cancel(TimerId timer) {
  auto found = deadlines_.find(timer);
  if (found == deadlines_.end()) return;
  auto [begin, end] = timers_.equal_range(found->second);
  auto entry =
      std::find_if(begin, end, [&](const auto& candidate) { return candidate.second.id == timer; });
  if (entry != end) timers_.erase(entry);
  deadlines_.erase(found);
}

bool EventLoop::NextTimeout(timespec* timeout) const {
  if (timers_.empty()) return false;
  const auto left = std::max(timers_.begin()->first - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  timeout->tv_sec = seconds.count();
  timeout->tv_nsec = std::chrono::nanoseconds(left - seconds).count();
  return true;
}

void EventLoop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
    Timer timer = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    deadlines_.erase(timer.id);
    timer.callback();
  }
}

absl::Status EventLoop::Run() {
  std::array<epoll_event, 64> events;
  while (!stopped_) {
    timespec timeout;
    const bool timed = NextTimeout(&timeout);
    int count = ::epoll_pwait2(epoll_.get(), events.data(), events.size(),
                               timed ? &timeout : nullptr, nullptr);
    if (count < 0 && errno != EINTR) return Errno("epoll_pwait2");
    for (int i = 0; i < count && !stopped_; ++i) {
      int fd = static_cast<int>(events[static_cast<size_t>(i)].data.u64 & 0xffffffff);
      auto watch = watches_.find(fd);
      // An earlier callback of this round may have closed it.
      if (watch == watches_.end() ||
          watch->second.generation != events[static_cast<size_t>(i)].data.u64 >> 32)
        continue;
      // A copy: the callback may remove itself.
      std::function<void()> callback = watch->second.callback;
      callback();
    }
    RunTimers();
  }
  return absl::OkStatus();
}

}  // namespace warren
