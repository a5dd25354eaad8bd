#ifndef WARREN_RUNTIME_LOOP_IO_LOOP_H_
#define WARREN_RUNTIME_LOOP_IO_LOOP_H_

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/timer_queue.h"

namespace warren {

// The supervisor's one IO thread: readiness of descriptors (epoll), timers, and tasks that other
// threads hand over. It sleeps until one of them wants it; there is no tick.
//
// Post, AddTimer, CancelTimer and Stop are for any thread; the rest is for the IO thread, or for
// before Run. Lifecycle: Create → Run, which returns after Stop and drops what is watched, timed or
// posted then, so that nothing of its users' outlives them here → destruction.
class IoLoop {
 public:
  // Names one registration; stays unique when descriptors and slots are used again.
  using WatchId = uint64_t;
  // No registration.
  static constexpr WatchId kNoWatch = ~WatchId{0};
  // Called on the IO thread with the epoll events that came.
  using ReadyCallback = absl::AnyInvocable<void(uint32_t)>;

  static absl::StatusOr<std::unique_ptr<IoLoop>> Create();

  void Run();
  void Stop();

  void Post(Task task);
  TimerId AddTimer(MonotonicTime when, Task task);
  void CancelTimer(TimerId id);

  // The descriptor stays the caller's; Unwatch before closing it.
  absl::StatusOr<WatchId> Watch(int fd, uint32_t events, ReadyCallback on_ready);
  absl::Status Modify(WatchId id, uint32_t events);
  // No callback of this registration starts after it, not even for an event that was fetched
  // already. It may be called from within the callback itself.
  void Unwatch(WatchId id);

  bool OnIoThread() const { return std::this_thread::get_id() == io_thread_.load(); }

 private:
  struct Slot {
    int fd = -1;
    uint32_t generation = 0;
    std::shared_ptr<ReadyCallback> on_ready;
  };

  IoLoop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  Slot* Find(WatchId id);
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RunTasks();
  void RunTimers();
  void DropAll();
  int TimeoutMillis();
  void Dispatch(WatchId id, uint32_t events);

  UniqueFd epoll_;
  UniqueFd wake_;
  std::atomic<std::thread::id> io_thread_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;

  Mutex mu_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mu_);
  TimerQueue timers_ ABSL_GUARDED_BY(mu_);
  bool wake_pending_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  // When the IO thread will look at its timers anyway. It only moves on when it has passed: so a
  // stream of short cells with long deadlines arms and disarms timers without one wake-up.
  MonotonicTime sleeps_until_ ABSL_GUARDED_BY(mu_) = MonotonicTime::max();
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LOOP_IO_LOOP_H_
