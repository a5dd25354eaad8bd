#include "supervisor/failover/placements.h"

#include <iterator>
#include <utility>

namespace warren {

void Placements::Put(const std::string& id, Placement placement) {
  auto shared = std::make_shared<const Placement>(std::move(placement));
  MutexLock lock(&mu_);
  ForgetLocked(id);
  ended_.erase(id);
  if (entries_.size() >= kMost) ForgetLocked(std::string(in_order_.front()));
  in_order_.push_back(id);
  ++counts_[shared->member.get()];
  if (shared->inner_id != id) public_ids_[shared->inner_id] = id;
  renamed_ = public_ids_.size();
  entries_[id] = Entry{std::move(shared), std::prev(in_order_.end())};
}

std::shared_ptr<const Placement> Placements::Find(const std::string& id) {
  MutexLock lock(&mu_);
  auto found = entries_.find(id);
  if (found == entries_.end()) return nullptr;
  in_order_.splice(in_order_.end(), in_order_, found->second.place);
  return found->second.placement;
}

std::string Placements::PublicIdLocked(const Member& member, const std::string& inner_id) const {
  auto known = public_ids_.find(inner_id);
  if (known == public_ids_.end()) return inner_id;
  auto found = entries_.find(known->second);
  const bool here = found != entries_.end() && found->second.placement->member.get() == &member;
  return here ? known->second : inner_id;
}

std::string Placements::PublicId(const Member& member, const std::string& inner_id) const {
  MutexLock lock(&mu_);
  return PublicIdLocked(member, inner_id);
}

bool Placements::LivesElsewhere(const Member& member, const std::string& inner_id) const {
  MutexLock lock(&mu_);
  auto found = entries_.find(PublicIdLocked(member, inner_id));
  return found != entries_.end() && found->second.placement->member.get() != &member;
}

void Placements::Forget(const std::string& id) {
  MutexLock lock(&mu_);
  ForgetLocked(id);
}

std::optional<std::string> Placements::ForgetInner(const Member& member,
                                                   const std::string& inner_id) {
  MutexLock lock(&mu_);
  std::string id = PublicIdLocked(member, inner_id);
  auto found = entries_.find(id);
  // One that is not on record, as after a restart, is called there as it is here.
  if (found == entries_.end()) return id;
  // It was made anew elsewhere: what ended is what was lost.
  const Placement& placement = *found->second.placement;
  if (placement.member.get() != &member || placement.inner_id != inner_id) return std::nullopt;
  ForgetLocked(id);
  EndLocked(id);
  return id;
}

void Placements::EndLocked(const std::string& id) {
  if (!ended_.insert(id).second) return;
  ended_in_order_.push_back(id);
  if (ended_in_order_.size() <= kMost) return;
  ended_.erase(ended_in_order_.front());
  ended_in_order_.pop_front();
}

bool Placements::HasEnded(const std::string& id) const {
  MutexLock lock(&mu_);
  return ended_.count(id) > 0;
}

void Placements::ForgetLocked(const std::string& id) {
  auto found = entries_.find(id);
  if (found == entries_.end()) return;
  const Placement& placement = *found->second.placement;
  auto count = counts_.find(placement.member.get());
  if (--count->second == 0) counts_.erase(count);
  if (placement.inner_id != id) public_ids_.erase(placement.inner_id);
  renamed_ = public_ids_.size();
  in_order_.erase(found->second.place);
  entries_.erase(found);
}

size_t Placements::CountOn(const Member& member) const {
  MutexLock lock(&mu_);
  auto found = counts_.find(&member);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace warren
