#include "supervisor/session/sandbox_table.h"

#include <algorithm>
#include <utility>

#include "spdlog/spdlog.h"

namespace warren {

void SandboxTable::Add(std::shared_ptr<Sandbox> sandbox) {
  std::lock_guard lock(mu_);
  std::string id = sandbox->identity().id;
  existing_.emplace(std::move(id), std::move(sandbox));
}

std::shared_ptr<Sandbox> SandboxTable::FindExisting(const std::string& id) const {
  std::lock_guard lock(mu_);
  auto found = existing_.find(id);
  return found == existing_.end() ? nullptr : found->second;
}

void SandboxTable::OnProcessExited(const internal::ProcessExited& event) {
  auto sandbox = FindExisting(event.sandbox_id());
  if (sandbox) sandbox->OnProcessExited(event);
}

void SandboxTable::OnGone(const internal::SandboxGone& event) {
  auto sandbox = FindExisting(event.sandbox_id());
  if (!sandbox) return;
  sandbox->OnGone(event);
  std::lock_guard lock(mu_);
  existing_.erase(event.sandbox_id());
  if (records_.count(event.sandbox_id()) == 0) return;
  dead_.push_back(event.sandbox_id());
  if (dead_.size() > kMaxDeadRecords) ForgetOldestDead();
}

// With mu_ held.
void SandboxTable::ForgetOldestDead() {
  auto record = records_.find(dead_.front());
  dead_.pop_front();
  if (record == records_.end()) return;
  loop_.CancelTimer(record->second.expiry);
  records_.erase(record);
}

TimerId SandboxTable::ArmExpiry(const std::string& id, absl::Duration lifetime) {
  return loop_.AddTimer(MonotonicClock::now() + absl::ToChronoNanoseconds(lifetime),
                        [this, id] { Expire(id); });
}

void SandboxTable::Expire(const std::string& id) {
  auto lease = Remove(id);
  if (!lease) return;
  spdlog::info("sandbox {}: its lifetime is over", id);
  lease->sandbox->Destroy(StopReason::kExpired);
}

Lease SandboxTable::Publish(Lease lease, absl::Duration lifetime) {
  lease.created_at = absl::Now();
  lease.expires_at = lease.created_at + lifetime;
  const std::string& id = lease.sandbox->identity().id;
  std::lock_guard lock(mu_);
  records_[id] = Record{lease, ArmExpiry(id, lifetime), ++last_sequence_};
  // It may have died in the hand that passed it on.
  if (existing_.count(id) == 0) dead_.push_back(id);
  return lease;
}

std::optional<Lease> SandboxTable::Find(const std::string& id) const {
  std::lock_guard lock(mu_);
  auto found = records_.find(id);
  if (found == records_.end()) return std::nullopt;
  return found->second.lease;
}

std::optional<Lease> SandboxTable::SetLifetime(const std::string& id, absl::Duration lifetime) {
  std::lock_guard lock(mu_);
  auto found = records_.find(id);
  if (found == records_.end()) return std::nullopt;
  loop_.CancelTimer(found->second.expiry);
  found->second.expiry = ArmExpiry(id, lifetime);
  found->second.lease.expires_at = absl::Now() + lifetime;
  return found->second.lease;
}

std::optional<Lease> SandboxTable::Remove(const std::string& id) {
  std::lock_guard lock(mu_);
  auto found = records_.find(id);
  if (found == records_.end()) return std::nullopt;
  loop_.CancelTimer(found->second.expiry);
  Lease lease = std::move(found->second.lease);
  records_.erase(found);
  if (existing_.count(id) == 0)
    dead_.erase(std::remove(dead_.begin(), dead_.end(), id), dead_.end());
  return lease;
}

std::vector<Lease> SandboxTable::List() const {
  std::vector<std::pair<uint64_t, Lease>> sorted;
  {
    std::lock_guard lock(mu_);
    for (const auto& [id, record] : records_) sorted.emplace_back(record.sequence, record.lease);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Lease> leases;
  leases.reserve(sorted.size());
  for (auto& [sequence, lease] : sorted) leases.push_back(std::move(lease));
  return leases;
}

size_t SandboxTable::existing() const {
  std::lock_guard lock(mu_);
  return existing_.size();
}

size_t SandboxTable::leased() const {
  std::lock_guard lock(mu_);
  return records_.size() - std::min(records_.size(), dead_.size());
}

}  // namespace warren
