#include "runtime/store/worker_pool.h"

#include <algorithm>

namespace warren {

void WorkerPool::Start(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    stopped_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

WorkerPool::Ticket WorkerPool::Add(Urgency urgency, Task task) {
  Ticket ticket;
  {
    const std::lock_guard<std::mutex> lock(mu_);
    ticket = ++last_ticket_;
    std::deque<Queued>& queue = urgency == Urgency::kWaitedFor ? waited_for_ : background_;
    queue.push_back({ticket, std::move(task)});
  }
  wake_.notify_one();
  return ticket;
}

void WorkerPool::Hurry(Ticket ticket) {
  const std::lock_guard<std::mutex> lock(mu_);
  auto found = std::find_if(background_.begin(), background_.end(),
                            [&](const Queued& queued) { return queued.ticket == ticket; });
  if (found == background_.end()) return;
  waited_for_.push_back(std::move(*found));
  background_.erase(found);
}

void WorkerPool::Work() {
  std::unique_lock<std::mutex> lock(mu_);
  while (true) {
    wake_.wait(lock, [this] { return stopped_ || !waited_for_.empty() || !background_.empty(); });
    if (stopped_) return;
    std::deque<Queued>& queue = waited_for_.empty() ? background_ : waited_for_;
    Task task = std::move(queue.front().task);
    queue.pop_front();
    lock.unlock();
    std::move(task)();
    // What it held goes before the next is waited for.
    task = nullptr;
    lock.lock();
  }
}

}  // namespace warren
