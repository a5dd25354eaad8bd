#include "supervisor/failover/recreator.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "supervisor/failover/no_such_sandbox.h"
#include "supervisor/failover/open_placement.h"

namespace warren {
namespace {

// Nobody's deadline: whoever asked first may be gone while others wait.
constexpr absl::Duration kRecreatePatience = absl::Seconds(60);

}  // namespace

void Recreator::Open(const Call& call, const std::string& id,
                     const std::shared_ptr<const Placement>& placement,
                     std::vector<std::shared_ptr<Member>> members,
                     Reply<std::shared_ptr<SandboxHandle>> reply) {
  std::shared_ptr<const Placement> there;
  {
    MutexLock lock(&mu_);
    auto found = waiting_.find(id);
    if (found != waiting_.end()) {
      found->second.push_back(Waiting{call, std::move(reply)});
      return;
    }
    // It was made between the caller's look and this.
    there = placements_->Find(id);
    if (there == placement) waiting_[id].push_back(Waiting{call, std::exchange(reply, nullptr)});
  }
  if (there == nullptr) return reply(NoSuchSandbox());
  if (there != placement) return OpenPlacement(placements_, call, id, *there, std::move(reply));
  Call create;
  create.who.tenant = placement->owner.value_or("");
  create.deadline = tools_.timers->WallNow() + kRecreatePatience * tools_.pace;
  v1::CreateSandboxRequest request = *placement->recreate;
  // A backend that made it once would answer what it made then.
  request.clear_request_id();
  auto attempts = std::make_shared<CreateAttempts>(
      tools_, std::move(members), std::move(create), std::move(request),
      [self = shared_from_this(), id, placement](absl::StatusOr<CreateAttempts::Made> made) {
        self->tools_.timers->Post([self, id, placement, made = std::move(made)]() mutable {
          self->OnMade(id, placement, std::move(made));
        });
      });
  attempts->Start();
}

std::shared_ptr<const Placement> Recreator::Move(const std::string& id, const Placement& before,
                                                 const absl::StatusOr<CreateAttempts::Made>& made,
                                                 absl::Status& status) {
  if (!made.ok()) {
    status =
        absl::Status(made.status().code(),
                     absl::StrCat("sandbox ", id, " was lost with backend ", before.member->name(),
                                  " and cannot be made anew: ", made.status().message()));
    return nullptr;
  }
  // Its client has destroyed it meanwhile.
  if (placements_->Find(id) == nullptr) {
    tools_.lost->Add(made->member, made->sandbox.sandbox_id());
    status = NoSuchSandbox();
    return nullptr;
  }
  Placement now = before;
  now.member = made->member;
  now.inner_id = made->sandbox.sandbox_id();
  ++now.recreations;
  spdlog::warn("event=sandbox_recreated sandbox=\"{}\" from={} to={} recreations={}",
               absl::CEscape(id), before.member->name(), now.member->name(), now.recreations);
  placements_->Put(id, now);
  tools_.lost->Add(before.member, before.inner_id);
  return std::make_shared<const Placement>(std::move(now));
}

void Recreator::OnMade(const std::string& id, const std::shared_ptr<const Placement>& before,
                       absl::StatusOr<CreateAttempts::Made> made) {
  absl::Status status;
  const std::shared_ptr<const Placement> there = Move(id, *before, made, status);
  std::vector<Waiting> waiting;
  {
    MutexLock lock(&mu_);
    auto found = waiting_.find(id);
    waiting.swap(found->second);
    waiting_.erase(found);
  }
  for (Waiting& each : waiting) {
    if (there == nullptr) {
      each.reply(status);
    } else {
      OpenPlacement(placements_, each.call, id, *there, std::move(each.reply));
    }
  }
}

}  // namespace warren
