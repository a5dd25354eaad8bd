#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_EVENT_LOOP_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_EVENT_LOOP_H_

#include <time.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// epoll and one-shot timers for the launcher's single thread. Callbacks may add and remove fds and
// timers, their own included.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using TimerId = uint64_t;

  static absl::StatusOr<EventLoop> Create();

  // Calls `callback` whenever `fd` is readable or its peer is gone, until Remove. The caller keeps
  // the fd.
  absl::Status Watch(int fd, std::function<void()> callback);
  // Before the fd is closed. Unknown fds are ignored.
  void Unwatch(int fd);

  TimerId After(Clock::duration delay, std::function<void()> callback);
  void Cancel(TimerId timer);

  // Runs until Stop.
  absl::Status Run();
  void Stop() { stopped_ = true; }

 private:
  struct Timer {
    TimerId id;
    std::function<void()> callback;
  };
  struct Watched {
    // Tells events of a closed fd from those of a later one with the same number.
    uint32_t generation;
    std::function<void()> callback;
  };
  EventLoop() = default;
  // Until the next timer; false for none.
  bool NextTimeout(timespec* timeout) const;
  void RunTimers();

  UniqueFd epoll_;
  std::unordered_map<int, Watched> watches_;
  std::multimap<Clock::time_point, Timer> timers_;
  std::unordered_map<TimerId, Clock::time_point> deadlines_;
  TimerId next_timer_ = 1;
  uint32_t next_generation_ = 1;
  bool stopped_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_EVENT_LOOP_H_
