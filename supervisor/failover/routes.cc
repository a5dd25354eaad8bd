#include "supervisor/failover/routes.h"

#include <algorithm>

namespace warren {
namespace {

constexpr char kOperatorName[] = "operator";

using BackendsByName = std::unordered_map<std::string, const config::Backend*>;

// In order, a name that is there already left out. The configuration has no cycle; `depth` is what
// is left of the deepest list that it can have, so that a wrong one ends too.
void AddLeaves(const BackendsByName& backends, const std::string& name, size_t depth,
               std::vector<std::string>& leaves) {
  const auto found = backends.find(name);
  if (found == backends.end() || depth == 0) return;
  if (found->second->has_failover()) {
    for (const std::string& each : found->second->failover().backends())
      AddLeaves(backends, each, depth - 1, leaves);
  } else if (std::find(leaves.begin(), leaves.end(), name) == leaves.end()) {
    leaves.push_back(name);
  }
}

// An empty list is all.
bool HasOrIsEmpty(const google::protobuf::RepeatedPtrField<std::string>& list,
                  const std::string& what) {
  return list.empty() || std::find(list.begin(), list.end(), what) != list.end();
}

const std::string& DrawShare(const config::Route& route, int draw) {
  int below = 0;
  for (const config::Share& share : route.to()) {
    below += share.percent();
    if (draw < below) return share.backend();
  }
  // The only one may have no percentage.
  return route.to().rbegin()->backend();
}

}  // namespace

Routes::Routes(const config::Configuration& configuration) : configuration_(configuration) {
  BackendsByName backends;
  for (const config::Backend& backend : configuration_.backends())
    backends[backend.name()] = &backend;
  for (const auto& [name, backend] : backends)
    AddLeaves(backends, name, backends.size(), members_[name]);
}

const std::vector<std::string>& Routes::ChooseMembers(const std::string& tenant,
                                                      const std::string& template_id,
                                                      int draw) const {
  const std::string& who = tenant.empty() ? kOperatorName : tenant;
  for (const config::Route& route : configuration_.routes()) {
    if (HasOrIsEmpty(route.tenants(), who) && HasOrIsEmpty(route.template_ids(), template_id) &&
        !route.to().empty()) {
      return MembersOf(DrawShare(route, draw));
    }
  }
  if (configuration_.default_backend().empty() && !configuration_.backends().empty())
    return MembersOf(configuration_.backends(0).name());
  return MembersOf(configuration_.default_backend());
}

const std::vector<std::string>& Routes::MembersOf(const std::string& backend) const {
  static const auto& none = *new std::vector<std::string>();
  const auto found = members_.find(backend);
  return found == members_.end() ? none : found->second;
}

}  // namespace warren
