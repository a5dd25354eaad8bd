#include "supervisor/session/network_watchers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/session/relay_event.h"

namespace warren {

NetworkWatchers::WatcherRef NetworkWatchers::Add(std::shared_ptr<SandboxHandle::NetworkSink> sink) {
  MutexLock lock(&mu_);
  if (ended_) {
    sink->End(absl::OkStatus());
    return nullptr;
  }
  if (watchers_.size() >= kMaxWatchers) {
    sink->End(absl::ResourceExhaustedError(
        absl::StrCat(kMaxWatchers, " clients watch the network of this sandbox already")));
    return nullptr;
  }
  auto watcher = std::make_shared<Watcher>();
  watcher->sink = std::move(sink);
  watchers_.push_back(watcher);
  return watcher;
}

void NetworkWatchers::Tell(const warren::v1::NetworkEvent& event) {
  MutexLock lock(&mu_);
  for (const WatcherRef& watcher : watchers_) {
    if (watcher->paused) {
      watcher->lost = std::min(watcher->lost + event.lost(), kMostLostEvents) + 1;
      continue;
    }
    warren::v1::NetworkEvent told = event;
    told.set_lost(event.lost() + std::exchange(watcher->lost, 0));
    watcher->paused = watcher->sink->Push(std::move(told)) == Flow::kPause;
  }
}

void NetworkWatchers::Resume(Watcher& watcher) {
  MutexLock lock(&mu_);
  watcher.paused = false;
}

void NetworkWatchers::Leave(const WatcherRef& watcher) {
  MutexLock lock(&mu_);
  auto found = std::find(watchers_.begin(), watchers_.end(), watcher);
  if (found == watchers_.end()) return;
  watchers_.erase(found);
  watcher->sink->End(absl::CancelledError("the client has gone"));
}

void NetworkWatchers::End() {
  MutexLock lock(&mu_);
  ended_ = true;
  for (const WatcherRef& watcher : watchers_) watcher->sink->End(absl::OkStatus());
  watchers_.clear();
}

}  // namespace warren
