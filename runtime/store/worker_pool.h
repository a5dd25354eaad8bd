#ifndef WARREN_RUNTIME_STORE_WORKER_POOL_H_
#define WARREN_RUNTIME_STORE_WORKER_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace warren {

// Threads that take tasks in order, those that somebody waits for first. Thread-safe.
// Lifecycle: constructor → Start → destructor, which drops what has not begun and waits for the
// rest.
class WorkerPool {
 public:
  using Task = absl::AnyInvocable<void()>;
  enum class Urgency { kWaitedFor, kBackground };
  // 0 is none.
  using Ticket = uint64_t;

  ~WorkerPool();
  void Start(int threads);
  Ticket Add(Urgency urgency, Task task);
  // Somebody waits for it now; nothing where it has begun.
  void Hurry(Ticket ticket);

 private:
  struct Queued {
    Ticket ticket = 0;
    Task task;
  };
  void Work();

  std::mutex mu_;
  std::condition_variable wake_;
  std::deque<Queued> waited_for_;
  std::deque<Queued> background_;
  Ticket last_ticket_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_WORKER_POOL_H_
