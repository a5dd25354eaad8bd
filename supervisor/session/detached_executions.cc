#include "supervisor/session/detached_executions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {

DetachedExecutions::~DetachedExecutions() { Stop(); }

void DetachedExecutions::Stop() {
  Entries entries;
  MutexLock lock(&mu_);
  if (std::exchange(stopped_, true)) return;
  loop_.CancelTimer(std::exchange(timer_, 0));
  ended_.clear();
  ended_of_sandbox_.clear();
  requests_.clear();
  // They go behind the lock.
  entries.swap(entries_);
}

void DetachedExecutions::Add(const std::string& sandbox_id, std::shared_ptr<ExecutionRunner> runner,
                             std::shared_ptr<Execution> execution) {
  {
    MutexLock lock(&mu_);
    if (stopped_) return;
    auto [found, fresh] = entries_.try_emplace(execution->id());
    if (!fresh) return;
    Entry& entry = found->second;
    entry.sandbox_id = sandbox_id;
    entry.runner = std::move(runner);
    entry.execution = execution;
  }
  // It may have ended before it was here to be told of.
  if (execution->ended()) Ended(execution->id());
}

std::string DetachedExecutions::RequestKey(const std::string& sandbox_id,
                                           const std::string& request_id) {
  return absl::StrCat(sandbox_id, "/", request_id);
}

absl::StatusOr<DetachedExecutions::Found> DetachedExecutions::FindRequestLocked(
    const std::string& key, const std::string& fingerprint) const {
  auto found = requests_.find(key);
  if (found == requests_.end()) return Found{};
  const Entry& entry = entries_.at(found->second);
  if (entry.fingerprint != fingerprint) {
    return absl::InvalidArgumentError(
        "request_id is that of an earlier request, which asked for something else; choose a new "
        "one");
  }
  return Found{entry.runner, entry.execution};
}

absl::StatusOr<DetachedExecutions::Found> DetachedExecutions::FindRequest(
    const std::string& sandbox_id, const std::string& request_id,
    const std::string& fingerprint) const {
  MutexLock lock(&mu_);
  return FindRequestLocked(RequestKey(sandbox_id, request_id), fingerprint);
}

absl::StatusOr<DetachedExecutions::Found> DetachedExecutions::AddOnce(
    const std::string& sandbox_id, const std::string& request_id, const std::string& fingerprint,
    std::shared_ptr<ExecutionRunner> runner, std::shared_ptr<Execution> execution) {
  const std::string key = RequestKey(sandbox_id, request_id);
  MutexLock lock(&mu_);
  auto earlier = FindRequestLocked(key, fingerprint);
  if (!earlier.ok() || earlier->execution != nullptr || stopped_) return earlier;
  requests_[key] = execution->id();
  Entry& entry = entries_[execution->id()];
  entry.sandbox_id = sandbox_id;
  entry.runner = std::move(runner);
  entry.execution = std::move(execution);
  entry.request_key = key;
  entry.fingerprint = fingerprint;
  return Found{};
}

void DetachedExecutions::Ended(const std::string& execution_id) {
  MutexLock lock(&mu_);
  auto found = entries_.find(execution_id);
  if (found == entries_.end() || found->second.has_ended) return;
  Entry& entry = found->second;
  entry.has_ended = true;
  entry.ended = ended_.insert(
      ended_.end(), EndedOne{execution_id, entry.sandbox_id, MonotonicClock::now() + kept_});
  if (++ended_of_sandbox_[entry.sandbox_id] > kMaxEndedOfSandbox) ForgetOldestOf(entry.sandbox_id);
  if (ended_.size() > kMaxEnded) Erase(entries_.find(ended_.front().execution_id));
  if (timer_ == 0) ArmTimer();
}

DetachedExecutions::Found DetachedExecutions::Find(const std::string& sandbox_id,
                                                   const std::string& execution_id) const {
  MutexLock lock(&mu_);
  auto found = entries_.find(execution_id);
  if (found == entries_.end() || found->second.sandbox_id != sandbox_id) return {};
  return {found->second.runner, found->second.execution};
}

void DetachedExecutions::Remove(const std::string& execution_id) {
  MutexLock lock(&mu_);
  auto found = entries_.find(execution_id);
  if (found != entries_.end()) Erase(found);
}

void DetachedExecutions::ForgetSandbox(const std::string& sandbox_id) {
  MutexLock lock(&mu_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    auto next = std::next(entry);
    if (entry->second.sandbox_id == sandbox_id) Erase(entry);
    entry = next;
  }
}

void DetachedExecutions::Erase(Entries::iterator entry) {
  if (entry->second.has_ended) {
    ended_.erase(entry->second.ended);
    auto count = ended_of_sandbox_.find(entry->second.sandbox_id);
    if (--count->second == 0) ended_of_sandbox_.erase(count);
  }
  if (!entry->second.request_key.empty()) requests_.erase(entry->second.request_key);
  entries_.erase(entry);
}

void DetachedExecutions::ForgetOldestOf(const std::string& sandbox_id) {
  auto oldest = std::find_if(ended_.begin(), ended_.end(),
                             [&](const EndedOne& each) { return each.sandbox_id == sandbox_id; });
  Erase(entries_.find(oldest->execution_id));
}

void DetachedExecutions::ArmTimer() {
  timer_ = ended_.empty() ? 0 : loop_.AddTimer(ended_.front().forget_at, [this] { ForgetOld(); });
}

void DetachedExecutions::ForgetOld() {
  MutexLock lock(&mu_);
  const MonotonicTime now = MonotonicClock::now();
  while (!ended_.empty() && ended_.front().forget_at <= now) {
    Erase(entries_.find(ended_.front().execution_id));
  }
  ArmTimer();
}

size_t DetachedExecutions::size() const {
  MutexLock lock(&mu_);
  return entries_.size();
}

}  // namespace warren
