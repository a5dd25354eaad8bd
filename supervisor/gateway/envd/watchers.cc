#include "supervisor/gateway/envd/watchers.h"

#include <sys/random.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status.h"
#include "supervisor/backend/file_queue.h"
#include "supervisor/gateway/envd/filesystem_stream.h"

namespace warren {
namespace {

// Nobody has asked for it: its client has gone.
constexpr absl::Duration kWatcherUnused = absl::Minutes(10);
// Looked for so often while it lasts.
constexpr int kLooks = 10;
constexpr size_t kIdBytes = 16;

// An id is the client's word here.
constexpr size_t kMaxToldId = 64;

absl::StatusOr<std::string> MakeWatcherId() {
  std::string bytes(kIdBytes, '\0');
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return Errno("getrandom");
  return absl::StrCat("w", absl::BytesToHexString(bytes));
}

absl::Status NoSuchWatcher(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat(
      "watcher with id ", absl::CEscape(id.substr(0, kMaxToldId)),
      " not found: it was removed, or nobody has asked for its events for long; make another"));
}

// Its events wait in it. That they have come to an end is known before they are read.
class WatcherQueue final : public FileEventQueue {
 public:
  using FileEventQueue::FileEventQueue;

  void End(absl::Status status) override {
    ended_ = true;
    FileEventQueue::End(std::move(status));
  }
  bool ended() const { return ended_; }

 private:
  std::atomic<bool> ended_{false};
};

}  // namespace

// One watch. Thread-safe.
class Watchers::Watcher {
 public:
  Watcher(DirectoryWatchRequest request, MemoryBudget* memory, std::shared_ptr<Signal> signal)
      : request_(std::move(request)),
        waker_(std::make_shared<Waker>(std::move(signal))),
        queue_(std::make_shared<WatcherQueue>(memory, [waker = waker_] { waker->Notify(); })) {}
  ~Watcher() {
    waker_->Stop();
    queue_->Cancel();
    queue_->Close();
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void Start(SandboxHandle& handle) { queue_->Attach(StartWatch(handle, request_, queue_)); }
  // Nothing: not known yet, and the signal wakes when it may be.
  std::optional<absl::Status> Started() {
    MutexLock lock(&mu_);
    auto item = queue_->Take();
    if (!item) return std::nullopt;
    waker_->Stop();
    if (item->ended && item->status.ok()) return absl::NotFoundError("the directory is gone");
    if (item->ended) return item->status;
    directory_ = item->event.path();
    return absl::OkStatus();
  }

  absl::StatusOr<Polled> Poll() {
    MutexLock lock(&mu_);
    polled_at_ = absl::Now();
    Polled polled = {request_.entries, request_.user, {}};
    while (failure_.ok() && polled.events.size() < kMaxPolled) {
      auto item = queue_->Take();
      if (!item) break;
      if (item->ended) {
        failure_ = item->status;
        break;
      }
      if (item->event.kind() == v1::FileEvent::OVERFLOW) failure_ = EventsLost(directory_);
      for (WatchedEvent& event : ToFilesystemEvents(item->event, directory_))
        polled.events.push_back(std::move(event));
    }
    if (polled.events.empty() && !failure_.ok()) return failure_;
    return polled;
  }

  bool ended() const { return queue_->ended(); }
  absl::Time polled_at() const {
    MutexLock lock(&mu_);
    return polled_at_;
  }

 private:
  const DirectoryWatchRequest request_;
  const std::shared_ptr<Waker> waker_;
  const std::shared_ptr<WatcherQueue> queue_;
  // One reader of the queue at a time.
  mutable Mutex mu_;
  // As events say it.
  std::string directory_ ABSL_GUARDED_BY(mu_);
  absl::Time polled_at_ ABSL_GUARDED_BY(mu_) = absl::Now();
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

// A watch whose Create is under way: without Keep it is forgotten.
class Watchers::Making {
 public:
  Making(Watchers& watchers, Key key) : watchers_(watchers), key_(std::move(key)) {}
  ~Making() {
    if (!kept_) watchers_.Take(key_);
  }
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;
  void Keep() { kept_ = true; }

 private:
  Watchers& watchers_;
  const Key key_;
  bool kept_ = false;
};

Watchers::Watchers(MemoryBudget& memory, double pace)
    : unused_(kWatcherUnused * pace),
      memory_(kMaxWaitingBytes, &memory),
      forgetter_([this] { Run(); }) {}

Watchers::~Watchers() {
  {
    std::lock_guard<std::mutex> lock(mu_);
    stopping_ = true;
  }
  stopped_.notify_all();
  forgetter_.join();
}

void Watchers::Run() {
  const auto look = absl::ToChronoNanoseconds(unused_ / kLooks);
  std::unique_lock<std::mutex> lock(mu_);
  while (!stopped_.wait_for(lock, look, [this] { return stopping_; })) {
    lock.unlock();
    ForgetUnused(absl::Now() - unused_);
    lock.lock();
  }
}

void Watchers::ForgetUnused(absl::Time since) {
  // Ended without the lock.
  std::vector<std::shared_ptr<Watcher>> forgotten;
  std::lock_guard<std::mutex> lock(mu_);
  for (auto at = watchers_.begin(); at != watchers_.end();) {
    const bool unused = at->second->polled_at() < since;
    if (unused) forgotten.push_back(std::move(at->second));
    at = unused ? watchers_.erase(at) : std::next(at);
  }
}

size_t Watchers::size() const {
  std::lock_guard<std::mutex> lock(mu_);
  return watchers_.size();
}

void Watchers::MakeRoom() {
  std::erase_if(watchers_, [](const auto& entry) { return entry.second->ended(); });
}

absl::Status Watchers::Add(const Key& key, std::shared_ptr<Watcher> watcher) {
  std::lock_guard<std::mutex> lock(mu_);
  const auto of_sandbox = [&] {
    const auto begin = watchers_.lower_bound(Key(key.first, ""));
    size_t count = 0;
    for (auto at = begin; at != watchers_.end() && at->first.first == key.first; ++at) ++count;
    return count;
  };
  if (watchers_.size() >= kMaxWatchers || of_sandbox() >= kMaxOfSandbox) MakeRoom();
  if (of_sandbox() >= kMaxOfSandbox) {
    return absl::ResourceExhaustedError(absl::StrCat("the sandbox has ", kMaxOfSandbox,
                                                     " watchers, and no more at once: remove one"));
  }
  if (watchers_.size() >= kMaxWatchers) {
    return absl::ResourceExhaustedError(
        "all sandboxes together have as many watchers as there may be: try again later, or stream "
        "the watch");
  }
  watchers_[key] = std::move(watcher);
  return absl::OkStatus();
}

std::shared_ptr<Watchers::Watcher> Watchers::Find(const Key& key) const {
  std::lock_guard<std::mutex> lock(mu_);
  auto found = watchers_.find(key);
  return found == watchers_.end() ? nullptr : found->second;
}

std::shared_ptr<Watchers::Watcher> Watchers::Take(const Key& key) {
  std::lock_guard<std::mutex> lock(mu_);
  auto found = watchers_.find(key);
  if (found == watchers_.end()) return nullptr;
  std::shared_ptr<Watcher> watcher = std::move(found->second);
  watchers_.erase(found);
  return watcher;
}

Async<absl::StatusOr<std::string>> Watchers::Create(Exchange& exchange,
                                                    std::shared_ptr<SandboxHandle> handle,
                                                    DirectoryWatchRequest request) {
  absl::StatusOr<std::string> id = MakeWatcherId();
  if (!id.ok()) co_return id.status();
  const Key key(handle->id(), *id);
  auto watcher = std::make_shared<Watcher>(std::move(request), &memory_, exchange.signal());
  absl::Status added = Add(key, watcher);
  if (!added.ok()) co_return added;
  Making making(*this, key);
  exchange.WatchClient();
  watcher->Start(*handle);
  for (;;) {
    if (exchange.client_gone()) co_return absl::CancelledError("the client has gone");
    const std::optional<absl::Status> started = watcher->Started();
    if (!started) {
      co_await exchange.signal()->WaitUntil(SteadyTime::max());
      continue;
    }
    if (!started->ok()) co_return *started;
    making.Keep();
    co_return id;
  }
}

absl::StatusOr<Watchers::Polled> Watchers::Poll(const std::string& sandbox_id,
                                                const std::string& id) {
  const std::shared_ptr<Watcher> watcher = Find({sandbox_id, id});
  if (watcher == nullptr) return NoSuchWatcher(id);
  return watcher->Poll();
}

absl::Status Watchers::Remove(const std::string& sandbox_id, const std::string& id) {
  return Take({sandbox_id, id}) == nullptr ? NoSuchWatcher(id) : absl::OkStatus();
}

}  // namespace warren
