#include "supervisor/failover/lost_sandboxes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"
#include "supervisor/failover/answered_within.h"
#include "supervisor/failover/ask_patience.h"

namespace warren {

void LostSandboxes::Add(const std::shared_ptr<Member>& member, const std::string& inner_id) {
  {
    MutexLock lock(&mu_);
    if (lost_.size() >= kMost) {
      spdlog::warn("event=lost_sandbox_left backend={} sandbox=\"{}\"",
                   lost_.front().member->name(), absl::CEscape(lost_.front().inner_id));
      lost_.pop_front();
    }
    lost_.push_back(Lost{member, inner_id});
  }
  if (member->lost()) return;
  timers_->Post([self = shared_from_this(), member] { self->Sweep(member); });
}

void LostSandboxes::Sweep(const std::shared_ptr<Member>& member) {
  std::vector<std::string> ids;
  {
    MutexLock lock(&mu_);
    for (Lost& lost : lost_) {
      if (lost.member != member || std::exchange(lost.under_way, true)) continue;
      ids.push_back(lost.inner_id);
    }
  }
  for (const std::string& id : ids) Destroy(member, id);
}

void LostSandboxes::Destroy(const std::shared_ptr<Member>& member, const std::string& inner_id) {
  // As the operator, who may.
  Call call;
  call.deadline = timers_->WallNow() + kAskPatience;
  auto destroyed = [self = shared_from_this(), member,
                    inner_id](const absl::StatusOr<v1::DestroySandboxResponse>& answer) {
    self->OnDestroyed(member, inner_id, answer.status());
  };
  member->backend().Open(
      call, inner_id,
      AnsweredWithin<std::shared_ptr<SandboxHandle>>(
          timers_, kAskPatience,
          [timers = timers_, call,
           destroyed](const absl::StatusOr<std::shared_ptr<SandboxHandle>>& handle) {
            if (!handle.ok()) return destroyed(handle.status());
            (*handle)->Destroy(
                call, AnsweredWithin<v1::DestroySandboxResponse>(
                          timers, kAskPatience, [destroyed, handle = *handle](const auto& answer) {
                            destroyed(answer);
                          }));
          }));
}

void LostSandboxes::OnDestroyed(const std::shared_ptr<Member>& member, const std::string& inner_id,
                                const absl::Status& status) {
  const bool gone = status.ok() || absl::IsNotFound(status);
  {
    MutexLock lock(&mu_);
    auto found = std::find_if(lost_.begin(), lost_.end(), [&](const Lost& lost) {
      return lost.member == member && lost.inner_id == inner_id;
    });
    if (found == lost_.end()) return;
    found->under_way = false;
    if (gone) lost_.erase(found);
  }
  if (!gone) return;
  spdlog::info("event=lost_sandbox_destroyed backend={} sandbox=\"{}\"", member->name(),
               absl::CEscape(inner_id));
}

bool LostSandboxes::Has(const Member& member, const std::string& inner_id) const {
  MutexLock lock(&mu_);
  return std::any_of(lost_.begin(), lost_.end(), [&](const Lost& lost) {
    return lost.member.get() == &member && lost.inner_id == inner_id;
  });
}

}  // namespace warren
