#include "runtime/loop/io_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr int kEventsPerWait = 64;

IoLoop::WatchId MakeId(uint32_t index, uint32_t generation) {
  return static_cast<IoLoop::WatchId>(generation) << 32 | index;
}

}  // namespace

absl::StatusOr<std::unique_ptr<IoLoop>> IoLoop::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return Errno("epoll_create1");
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return Errno("eventfd");
  epoll_event event{EPOLLIN | EPOLLET, {.u64 = IoLoop::kNoWatch}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return Errno("epoll_ctl ADD of the wake-up descriptor");
  }
  return std::unique_ptr<IoLoop>(new IoLoop(std::move(epoll), std::move(wake)));
}

void IoLoop::Run() {
  io_thread_ = std::this_thread::get_id();
  std::array<epoll_event, kEventsPerWait> events;
  while (true) {
    RunTasks();
    RunTimers();
    {
      MutexLock lock(&mu_);
      if (stopped_) break;
    }
    int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerWait, TimeoutMillis());
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 != IoLoop::kNoWatch) Dispatch(events[i].data.u64, events[i].events);
    }
  }
  DropAll();
}

void IoLoop::DropAll() {
  std::vector<Task> tasks;
  TimerQueue timers;
  {
    MutexLock lock(&mu_);
    std::swap(tasks, tasks_);
    std::swap(timers, timers_);
  }
  // They end without the lock and with nothing registered any more: what they hold may call here.
  std::vector<Slot> slots = std::exchange(slots_, {});
  free_slots_.clear();
}

void IoLoop::Stop() {
  MutexLock lock(&mu_);
  stopped_ = true;
  Wake();
}

// The wake-up descriptor is edge-triggered: every write makes an edge, so nobody
// needs to read it.
void IoLoop::Wake() {
  if (wake_pending_ || OnIoThread()) return;
  wake_pending_ = true;
  uint64_t one = 1;
  ssize_t ignored = ::write(wake_.get(), &one, sizeof(one));
  (void)ignored;  // EAGAIN only after 2^64 - 2 wake-ups
}

void IoLoop::Post(Task task) {
  MutexLock lock(&mu_);
  tasks_.push_back(std::move(task));
  Wake();
}

TimerId IoLoop::AddTimer(MonotonicTime when, Task task) {
  MutexLock lock(&mu_);
  TimerId id = timers_.Add(when, std::move(task));
  if (when < sleeps_until_) Wake();
  return id;
}

void IoLoop::CancelTimer(TimerId id) {
  if (id == 0) return;
  MutexLock lock(&mu_);
  timers_.Cancel(id);
}

void IoLoop::RunTasks() {
  std::vector<Task> tasks;
  {
    MutexLock lock(&mu_);
    wake_pending_ = false;
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task();
}

void IoLoop::RunTimers() {
  // Looked at once: what a timer arms anew must not keep the descriptors waiting.
  const MonotonicTime now = MonotonicClock::now();
  while (true) {
    std::optional<Task> task;
    {
      MutexLock lock(&mu_);
      task = timers_.TakeDue(now);
    }
    if (!task) return;
    (*task)();
  }
}

int IoLoop::TimeoutMillis() {
  MutexLock lock(&mu_);
  if (!tasks_.empty() || stopped_) return 0;
  MonotonicTime now = MonotonicClock::now();
  if (sleeps_until_ <= now) sleeps_until_ = MonotonicTime::max();
  if (auto next = timers_.Next()) sleeps_until_ = std::min(sleeps_until_, *next);
  if (sleeps_until_ == MonotonicTime::max()) return -1;
  // Rounded up: waking before the deadline would only mean to sleep again.
  auto wait = std::chrono::ceil<std::chrono::milliseconds>(sleeps_until_ - now).count();
  return static_cast<int>(std::clamp<int64_t>(wait, 0, 1 << 30));
}

absl::StatusOr<IoLoop::WatchId> IoLoop::Watch(int fd, uint32_t events, ReadyCallback on_ready) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  uint32_t index = free_slots_.back();
  Slot& slot = slots_[index];
  WatchId id = MakeId(index, slot.generation);
  epoll_event event{events, {.u64 = id}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return Errno(absl::StrCat("epoll_ctl ADD of descriptor ", fd));
  }
  free_slots_.pop_back();
  slot.fd = fd;
  slot.on_ready = std::make_shared<ReadyCallback>(std::move(on_ready));
  return id;
}

IoLoop::Slot* IoLoop::Find(WatchId id) {
  uint32_t index = static_cast<uint32_t>(id);
  if (index >= slots_.size()) return nullptr;
  Slot* slot = &slots_[index];
  return slot->fd >= 0 && slot->generation == id >> 32 ? slot : nullptr;
}

absl::Status IoLoop::Modify(WatchId id, uint32_t events) {
  Slot* slot = Find(id);
  if (slot == nullptr) return absl::NotFoundError("the descriptor is not watched");
  epoll_event event{events, {.u64 = id}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, slot->fd, &event) != 0) {
    return Errno(absl::StrCat("epoll_ctl MOD of descriptor ", slot->fd));
  }
  return absl::OkStatus();
}

void IoLoop::Unwatch(WatchId id) {
  Slot* slot = Find(id);
  if (slot == nullptr) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, slot->fd, nullptr);
  slot->fd = -1;
  slot->generation++;
  slot->on_ready = nullptr;
  free_slots_.push_back(static_cast<uint32_t>(id));
}

void IoLoop::Dispatch(WatchId id, uint32_t events) {
  Slot* slot = Find(id);
  if (slot == nullptr) return;
  // A callback may unwatch itself, or grow the vector of slots: keep it alive through its own call.
  std::shared_ptr<ReadyCallback> on_ready = slot->on_ready;
  (*on_ready)(events);
}

}  // namespace warren
