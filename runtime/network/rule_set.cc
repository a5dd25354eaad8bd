#include "runtime/network/rule_set.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/network/host_pattern.h"

namespace warren {

absl::Status RuleSet::Add(const v1::NetworkRule& rule) {
  absl::StatusOr<HostPattern> parsed = ParseHostPattern(rule.host());
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("host: ", parsed.status().message()));
  }
  const HostPattern& host = *parsed;
  WARREN_ASSIGN_OR_RETURN(PortSet ports, PortSet::Of(rule));
  switch (host.kind) {
    case HostPattern::Kind::kName:
      names_[host.name].Add(ports);
      break;
    case HostPattern::Kind::kBelow:
      below_[host.name].Add(ports);
      break;
    case HostPattern::Kind::kEveryName:
      every_name_.Add(ports);
      break;
    case HostPattern::Kind::kNetwork:
      networks_.push_back({host.network, std::move(ports)});
      break;
  }
  return absl::OkStatus();
}

template <typename Visit>
void RuleSet::VisitName(absl::string_view name, Visit visit) const {
  if (auto at = names_.find(name); at != names_.end() && !visit("", name, at->second)) return;
  // From the label behind the first dot on: "*.example.com" is not for example.com itself.
  for (size_t dot = name.find('.'); dot != absl::string_view::npos; dot = name.find('.', dot + 1)) {
    const absl::string_view suffix = name.substr(dot + 1);
    if (auto at = below_.find(suffix); at != below_.end() && !visit("*.", suffix, at->second)) {
      return;
    }
  }
  visit("*", "", every_name_);
}

std::optional<std::string> RuleSet::FindName(absl::string_view name, uint16_t port) const {
  std::optional<std::string> found;
  VisitName(name, [&](absl::string_view star, absl::string_view rest, const PortSet& ports) {
    if (ports.Contains(port)) found = absl::StrCat(star, rest);
    return !found.has_value();
  });
  return found;
}

std::optional<std::string> RuleSet::FindAddress(const IpAddress& address, uint16_t port) const {
  const NetworkPorts* best = nullptr;
  for (const NetworkPorts& rule : networks_) {
    if (!rule.network.Contains(address) || !rule.ports.Contains(port)) continue;
    if (best == nullptr || rule.network.prefix > best->network.prefix) best = &rule;
  }
  if (best == nullptr) return std::nullopt;
  return best->network.ToString();
}

PortSet RuleSet::PortsOfName(absl::string_view name) const {
  PortSet result;
  VisitName(name, [&result](absl::string_view, absl::string_view, const PortSet& ports) {
    result.Add(ports);
    return true;
  });
  return result;
}

PortSet RuleSet::PortsOfAddress(const IpAddress& address) const {
  PortSet result;
  for (const NetworkPorts& rule : networks_) {
    if (rule.network.Contains(address)) result.Add(rule.ports);
  }
  return result;
}

}  // namespace warren
