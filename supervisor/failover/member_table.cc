#include "supervisor/failover/member_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

std::shared_ptr<Member> FindKept(const std::vector<std::shared_ptr<Member>>& members,
                                 const MemberSpec& spec) {
  auto found = std::find_if(members.begin(), members.end(),
                            [&](const auto& member) { return member->Is(spec); });
  return found == members.end() ? nullptr : *found;
}

}  // namespace

std::vector<std::shared_ptr<Member>> Members::all() const {
  std::vector<std::shared_ptr<Member>> all = active;
  all.insert(all.end(), retired.begin(), retired.end());
  return all;
}

std::vector<std::shared_ptr<Member>> Members::Choose(const std::string& tenant,
                                                     const std::string& template_id,
                                                     int draw) const {
  std::vector<std::shared_ptr<Member>> chosen;
  for (const std::string& name : routes.ChooseMembers(tenant, template_id, draw)) {
    auto found = std::find_if(active.begin(), active.end(),
                              [&](const auto& member) { return member->name() == name; });
    if (found != active.end()) chosen.push_back(*found);
  }
  return chosen;
}

std::shared_ptr<const Members> MemberTable::Get() const {
  MutexLock lock(&mu_);
  return members_;
}

absl::Status MemberTable::Configure(
    const config::Configuration& configuration, const std::vector<MemberSpec>& specs,
    const std::function<void(const std::shared_ptr<Member>&)>& on_new) {
  auto next = std::make_shared<Members>();
  next->configuration = configuration;
  next->routes = Routes(configuration);
  std::vector<const MemberSpec*> wanted;
  for (const config::Backend& backend : configuration.backends()) {
    if (backend.has_failover()) continue;
    auto spec = std::find_if(specs.begin(), specs.end(), [&](const MemberSpec& each) {
      return each.name == backend.name() && each.backend != nullptr;
    });
    if (spec == specs.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("backend ", backend.name(), " of the configuration was not made"));
    }
    wanted.push_back(&*spec);
  }
  const std::vector<std::shared_ptr<Member>> known = Get()->all();
  for (const MemberSpec* spec : wanted) {
    std::shared_ptr<Member> member = FindKept(known, *spec);
    if (member == nullptr) {
      member = std::make_shared<Member>(*spec);
      on_new(member);
    } else {
      member->Configure(*spec);
    }
    next->active.push_back(std::move(member));
  }
  MutexLock lock(&mu_);
  for (const auto& member : members_->all()) {
    if (std::find(next->active.begin(), next->active.end(), member) != next->active.end()) continue;
    member->Retire();
    next->retired.push_back(member);
  }
  members_ = std::move(next);
  return absl::OkStatus();
}

bool MemberTable::DropRetired(const std::shared_ptr<Member>& member) {
  MutexLock lock(&mu_);
  auto next = std::make_shared<Members>(*members_);
  auto found = std::find(next->retired.begin(), next->retired.end(), member);
  if (found == next->retired.end()) return false;
  next->retired.erase(found);
  members_ = std::move(next);
  return true;
}

}  // namespace warren
