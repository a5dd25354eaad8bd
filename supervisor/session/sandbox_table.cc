#include "supervisor/session/sandbox_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace warren {

void SandboxTable::Add(std::shared_ptr<Sandbox> sandbox) {
  MutexLock lock(&mu_);
  std::string id = sandbox->identity().id;
  existing_.emplace(std::move(id), std::move(sandbox));
}

std::shared_ptr<Sandbox> SandboxTable::FindExisting(const std::string& id) const {
  MutexLock lock(&mu_);
  auto found = existing_.find(id);
  return found == existing_.end() ? nullptr : found->second;
}

void SandboxTable::OnAgentWanted(const std::string& sandbox_id) {
  auto sandbox = FindExisting(sandbox_id);
  // That it was not started is logged; who waits inside rings again.
  if (sandbox) sandbox->agent()->Use([](const absl::Status&) {});
}

void SandboxTable::OnProcessExited(const internal::ProcessExited& event) {
  auto sandbox = FindExisting(event.sandbox_id());
  if (sandbox) sandbox->OnProcessExited(event);
}

void SandboxTable::OnGone(const internal::SandboxGone& event) {
  auto sandbox = FindExisting(event.sandbox_id());
  if (!sandbox) return;
  sandbox->OnGone(event);
  std::string forgotten;
  {
    MutexLock lock(&mu_);
    existing_.erase(event.sandbox_id());
    if (records_.count(event.sandbox_id()) != 0) forgotten = NoteDead(event.sandbox_id());
  }
  if (!forgotten.empty()) on_forgotten_(forgotten);
}

void SandboxTable::OnLauncherGone() {
  std::vector<std::shared_ptr<Sandbox>> all;
  {
    MutexLock lock(&mu_);
    for (const auto& [id, sandbox] : existing_) all.push_back(sandbox);
  }
  for (const auto& sandbox : all) {
    // For the reason: what ran in it did not end by itself.
    sandbox->Destroy(StopReason::kShutdown);
    internal::SandboxGone event;
    event.set_sandbox_id(sandbox->identity().id);
    event.set_reason(internal::SandboxGone::INIT_DIED);
    OnGone(event);
  }
}

std::string SandboxTable::NoteDead(const std::string& id) {
  dead_.push_back(id);
  if (dead_.size() <= kMaxDeadRecords) return "";
  std::string oldest = std::move(dead_.front());
  dead_.pop_front();
  auto record = records_.find(oldest);
  if (record != records_.end()) Erase(record);
  return oldest;
}

LeaseRef SandboxTable::Erase(Records::iterator record) {
  loop_.CancelTimer(record->second.expiry);
  in_order_.erase(record->second.sequence);
  LeaseRef lease = std::move(record->second.lease);
  records_.erase(record);
  return lease;
}

LeaseRef SandboxTable::Publish(Lease lease) {
  lease.created_at = absl::Now();
  lease.made_at = MonotonicClock::now();
  lease.runs_since = lease.made_at;
  lease.ends_at = lease.made_at + absl::ToChronoNanoseconds(lease.lifetime.length);
  lease.sandbox->uses().SetLastUse(lease.made_at);
  auto published = std::make_shared<const Lease>(std::move(lease));
  const std::string& id = published->sandbox->identity().id;
  std::string forgotten;
  {
    MutexLock lock(&mu_);
    Record& record = records_[id];
    record = Record{published, 0, ++last_sequence_};
    ArmExpiry(record);
    in_order_.emplace(last_sequence_, published);
    // It may have died in the hand that passed it on.
    if (existing_.count(id) == 0) forgotten = NoteDead(id);
  }
  if (!forgotten.empty()) on_forgotten_(forgotten);
  return published;
}

LeaseRef SandboxTable::Find(const std::string& id) const {
  MutexLock lock(&mu_);
  auto found = records_.find(id);
  return found == records_.end() ? nullptr : found->second.lease;
}

LeaseRef SandboxTable::Remove(const std::string& id) {
  LeaseRef lease;
  {
    MutexLock lock(&mu_);
    auto found = records_.find(id);
    if (found == records_.end()) return nullptr;
    lease = Erase(found);
    if (existing_.count(id) == 0) {
      dead_.erase(std::remove(dead_.begin(), dead_.end(), id), dead_.end());
    }
  }
  on_forgotten_(id);
  return lease;
}

std::vector<SandboxTable::Place> SandboxTable::List(
    Order order, uint64_t after, size_t most,
    const std::function<bool(const Lease&)>& matches) const {
  std::vector<Place> places;
  MutexLock lock(&mu_);
  auto take = [&](auto next, auto end) {
    for (; next != end && places.size() < most; ++next) {
      if (matches(*next->second)) places.push_back(Place{next->first, next->second});
    }
  };
  if (order == Order::kOldestFirst) {
    take(in_order_.upper_bound(after), in_order_.end());
  } else {
    auto behind = after == 0 ? in_order_.end() : in_order_.lower_bound(after);
    take(std::make_reverse_iterator(behind), in_order_.rend());
  }
  return places;
}

std::vector<LeaseRef> SandboxTable::All() const {
  MutexLock lock(&mu_);
  std::vector<LeaseRef> leases;
  leases.reserve(in_order_.size());
  for (const auto& [sequence, lease] : in_order_) leases.push_back(lease);
  return leases;
}

uint64_t SandboxTable::last_sequence() const {
  MutexLock lock(&mu_);
  return last_sequence_;
}

size_t SandboxTable::existing() const {
  MutexLock lock(&mu_);
  return existing_.size();
}

size_t SandboxTable::leased() const {
  MutexLock lock(&mu_);
  return records_.size() - std::min(records_.size(), dead_.size());
}

}  // namespace warren
