#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"
#include "supervisor/session/sandbox_table.h"

// The lifetimes of leases: how they are counted, stand still, and end.
namespace warren {
namespace {

using warren::v1::LIFETIME_FROM_CREATION;

MonotonicTime::duration ToMonotonic(absl::Duration duration) {
  return absl::ToChronoNanoseconds(duration);
}

// Has `left` of its lifetime from `now` on.
void CountFrom(Lease& lease, absl::Duration left, MonotonicTime now) {
  lease.ends_at = now + ToMonotonic(left);
  lease.sandbox->uses().SetLastUse(lease.ends_at - ToMonotonic(lease.lifetime.length));
}

}  // namespace

MonotonicTime Lease::End() const {
  if (left.has_value() || lifetime.from == LIFETIME_FROM_CREATION) return ends_at;
  // In this order: a use that ends in between has set when.
  const bool in_use = sandbox->uses().in_use();
  const MonotonicTime last = in_use ? MonotonicClock::now() : sandbox->uses().last_use();
  return last + ToMonotonic(lifetime.length);
}

absl::Duration Lease::RanUntil(MonotonicTime now) const {
  return left.has_value() ? ran : ran + absl::FromChrono(now - runs_since);
}

absl::Time Lease::expires_at() const { return created_at + absl::FromChrono(End() - made_at); }

LeaseRef SandboxTable::Replace(Record& record, Lease lease) {
  record.lease = std::make_shared<const Lease>(std::move(lease));
  in_order_[record.sequence] = record.lease;
  ArmExpiry(record);
  return record.lease;
}

void SandboxTable::ArmExpiry(Record& record) {
  record.pause_attempts = 0;
  ArmExpiryAt(record, record.lease->End());
}

void SandboxTable::ArmExpiryAt(Record& record, MonotonicTime when) {
  loop_.CancelTimer(record.expiry);
  record.expiry =
      loop_.AddTimer(when, [this, id = record.lease->sandbox->identity().id] { Expire(id); });
}

LeaseRef SandboxTable::SetLifetime(const std::string& id, const Lifetime& lifetime) {
  MutexLock lock(&mu_);
  auto found = records_.find(id);
  if (found == records_.end()) return nullptr;
  Lease changed = *found->second.lease;
  changed.lifetime.length = lifetime.length;
  if (lifetime.from != warren::v1::LIFETIME_FROM_UNSPECIFIED) changed.lifetime.from = lifetime.from;
  if (lifetime.on_expiry != warren::v1::ON_EXPIRY_UNSPECIFIED)
    changed.lifetime.on_expiry = lifetime.on_expiry;
  if (changed.left.has_value()) {
    changed.left = lifetime.length;
  } else {
    // This too is a use: nothing ends by being given a lifetime.
    CountFrom(changed, lifetime.length, MonotonicClock::now());
  }
  return Replace(found->second, std::move(changed));
}

LeaseRef SandboxTable::NotePaused(const std::string& id) {
  MutexLock lock(&mu_);
  auto found = records_.find(id);
  if (found == records_.end()) return nullptr;
  LeaseRef lease = found->second.lease;
  if (lease->left.has_value()) return lease;
  const MonotonicTime now = MonotonicClock::now();
  Lease paused = *lease;
  paused.ran = lease->RanUntil(now);
  paused.left = absl::FromChrono(std::max(lease->End() - now, MonotonicTime::duration::zero()));
  paused.ends_at = now + times_.paused_kept;
  return Replace(found->second, std::move(paused));
}

LeaseRef SandboxTable::NoteResumed(const std::string& id, std::optional<absl::Duration> length) {
  MutexLock lock(&mu_);
  auto found = records_.find(id);
  if (found == records_.end()) return nullptr;
  Lease resumed = *found->second.lease;
  const std::optional<absl::Duration> left = std::exchange(resumed.left, std::nullopt);
  if (!length && !left) return found->second.lease;
  if (left) resumed.runs_since = MonotonicClock::now();
  if (length) resumed.lifetime.length = *length;
  const bool had_ended = !length && *left <= absl::ZeroDuration();
  CountFrom(resumed, length || had_ended ? resumed.lifetime.length : *left, MonotonicClock::now());
  return Replace(found->second, std::move(resumed));
}

// ---- The end ----------------------------------------------------------------------------------

void SandboxTable::Expire(const std::string& id) {
  LeaseRef lease;
  {
    MutexLock lock(&mu_);
    auto found = records_.find(id);
    if (found == records_.end()) return;
    lease = found->second.lease;
    const MonotonicTime end = lease->End();
    // It was used since the timer was armed.
    if (end > MonotonicClock::now()) return ArmExpiryAt(found->second, end);
  }
  const bool pauses =
      lease->lifetime.on_expiry == warren::v1::ON_EXPIRY_PAUSE && !lease->left.has_value();
  if (pauses && lease->sandbox->alive()) return PauseExpired(lease);
  if (!Remove(id)) return;
  spdlog::info("event=sandbox_expired sandbox={}", id);
  lease->sandbox->Destroy(StopReason::kExpired);
}

void SandboxTable::PauseExpired(const LeaseRef& lease) {
  spdlog::info("event=sandbox_expired sandbox={} on_expiry=pause", lease->sandbox->identity().id);
  lease->sandbox->Pause([this, lease](absl::Status status) { OnExpiredPaused(lease, status); });
}

bool SandboxTable::GivenMore(const LeaseRef& lease) {
  LeaseRef now = Find(lease->sandbox->identity().id);
  // A client's own pause makes another lease of it too.
  return now != nullptr && now != lease && !now->left.has_value();
}

bool SandboxTable::OnRecordAsPaused(const LeaseRef& lease) {
  LeaseRef now = Find(lease->sandbox->identity().id);
  return now != nullptr && now->left.has_value();
}

void SandboxTable::OnExpiredPaused(const LeaseRef& lease, const absl::Status& status) {
  const std::string& id = lease->sandbox->identity().id;
  if (status.ok() && GivenMore(lease)) {
    // It lasts on: as if the pause had not begun.
    lease->sandbox->Resume([this, lease](const absl::Status&) {
      // Who has asked for one meanwhile was told that it is paused.
      if (OnRecordAsPaused(lease)) lease->sandbox->Pause([](const absl::Status&) {});
    });
    return;
  }
  if (status.ok()) {
    NotePaused(id);
    return;
  }
  {
    MutexLock lock(&mu_);
    auto found = records_.find(id);
    // It was given another lifetime meanwhile.
    if (found == records_.end() || found->second.lease != lease) return;
    if (++found->second.pause_attempts < kExpiryPauseAttempts)
      return ArmExpiryAt(found->second, MonotonicClock::now() + times_.expiry_pause_retry);
  }
  // Its lifetime is over: what cannot be paused does not outlive it.
  if (!Remove(id)) return;
  spdlog::warn("event=expired_sandbox_not_paused sandbox={} error=\"{}\"", id,
               absl::CEscape(status.message()));
  lease->sandbox->Destroy(StopReason::kExpired);
}

}  // namespace warren
