#include "supervisor/fake/fake_network.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {

class FakeNetwork::WatchOperation final : public Operation {
 public:
  WatchOperation(std::shared_ptr<FakeNetwork> network, std::shared_ptr<Watcher> watcher)
      : network_(std::move(network)), watcher_(std::move(watcher)) {}
  void Resume() override { network_->Resume(*watcher_); }
  void Cancel() override {
    network_->Remove(watcher_, absl::CancelledError("the client went away"));
  }

 private:
  const std::shared_ptr<FakeNetwork> network_;
  const std::shared_ptr<Watcher> watcher_;
};

v1::NetworkPolicy FakeNetwork::policy() const {
  std::lock_guard lock(mu_);
  return policy_;
}

void FakeNetwork::SetPolicy(const v1::NetworkPolicy& policy) {
  std::lock_guard lock(mu_);
  policy_ = policy;
  if (policy_.preset().empty()) policy_.set_preset("none");
}

std::unique_ptr<Operation> FakeNetwork::Watch(std::shared_ptr<SandboxHandle::NetworkSink> sink) {
  auto watcher = std::make_shared<Watcher>();
  watcher->sink = std::move(sink);
  std::lock_guard lock(mu_);
  if (ended_) {
    watcher->sink->End(absl::OkStatus());
  } else if (watchers_.size() >= kMaxWatchers) {
    watcher->sink->End(absl::ResourceExhaustedError(
        absl::StrCat(kMaxWatchers, " clients watch the network of this sandbox already")));
  } else {
    watchers_.push_back(watcher);
  }
  return std::make_unique<WatchOperation>(shared_from_this(), std::move(watcher));
}

size_t FakeNetwork::watchers() const {
  std::lock_guard lock(mu_);
  return watchers_.size();
}

void FakeNetwork::Tell(const v1::NetworkEvent& event) {
  std::lock_guard lock(mu_);
  // A copy: a sink may cancel.
  for (const auto& watcher : std::list(watchers_)) {
    if (!Has(watcher)) continue;
    if (watcher->paused) {
      ++watcher->lost;
      continue;
    }
    v1::NetworkEvent told = event;
    told.set_lost(std::exchange(watcher->lost, 0));
    // Before, for its Resume may come before the push returns.
    watcher->paused = true;
    if (watcher->sink->Push(std::move(told)) == Flow::kContinue) watcher->paused = false;
  }
}

void FakeNetwork::End() {
  std::lock_guard lock(mu_);
  ended_ = true;
  for (const auto& watcher : std::list(watchers_)) Remove(watcher, absl::OkStatus());
}

void FakeNetwork::Resume(Watcher& watcher) {
  std::lock_guard lock(mu_);
  watcher.paused = false;
}

void FakeNetwork::Remove(const std::shared_ptr<Watcher>& watcher, const absl::Status& why) {
  std::lock_guard lock(mu_);
  if (!Has(watcher)) return;
  watchers_.remove(watcher);
  watcher->sink->End(why);
}

bool FakeNetwork::Has(const std::shared_ptr<Watcher>& watcher) const {
  return std::find(watchers_.begin(), watchers_.end(), watcher) != watchers_.end();
}

}  // namespace warren
