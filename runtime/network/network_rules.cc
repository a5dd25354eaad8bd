#include "runtime/network/network_rules.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/network/host_name.h"
#include "runtime/network/host_pattern.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

using Decision = NetworkRules::Decision;

constexpr absl::string_view kOperators = "operator's egress policy";
constexpr absl::string_view kSandboxs = "sandbox's network policy";

absl::Status AddRules(const google::protobuf::RepeatedPtrField<v1::NetworkRule>& rules,
                      absl::string_view field, RuleSet& set) {
  for (int i = 0; i < rules.size(); ++i) {
    absl::Status added = set.Add(rules[i]);
    if (!added.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(field, "[", i, "].", added.message()));
    }
  }
  return absl::OkStatus();
}

Decision Denied(std::string reason) { return {false, std::move(reason)}; }

bool IsNormalized(absl::string_view name) {
  absl::StatusOr<std::string> normal = NormalizeHostName(name);
  return normal.ok() && *normal == name;
}

std::string Endpoint(absl::string_view name, uint16_t port) {
  return absl::StrCat(Shortened(name), ":", port);
}

std::string Endpoint(const IpAddress& address, uint16_t port) {
  const std::string text = AddressText(address);
  return Unmapped(address).is_v4() ? absl::StrCat(text, ":", port)
                                   : absl::StrCat("[", text, "]:", port);
}

std::string ByRule(absl::string_view endpoint, absl::string_view rule, absl::string_view whose) {
  return absl::StrCat(endpoint, " is denied by the rule \"", Shortened(rule), "\" of the ", whose);
}

std::string NoNetwork(absl::string_view endpoint) {
  return absl::StrCat(endpoint, " is denied: the ", kOperators, " gives no sandbox a network");
}

// Denied for want of an allow rule for `host`, or for its ports where rules for it have others.
std::string ByNoRule(absl::string_view endpoint, absl::string_view host, uint16_t port,
                     const PortSet& other_ports) {
  if (!other_ports.empty()) {
    return absl::StrCat(endpoint, " is denied: the ", kSandboxs,
                        " allows it with other ports; add port ", port, " to an allow rule for \"",
                        host, "\"");
  }
  return absl::StrCat(endpoint, " is denied: no rule of the ", kSandboxs,
                      " allows it; add an allow rule for \"", host, "\"");
}

// A deny rule is for what a packet reaches, so what the address embeds counts too: else the
// address of a translator would lead around it.
std::optional<std::string> FindDeny(const RuleSet& deny, const IpAddress& address, uint16_t port) {
  std::optional<std::string> rule = deny.FindAddress(address, port);
  if (rule.has_value()) return rule;
  std::optional<IpAddress> embedded = EmbeddedIpv4(address);
  return embedded.has_value() ? deny.FindAddress(*embedded, port) : std::nullopt;
}

}  // namespace

absl::StatusOr<NetworkRules> NetworkRules::Compile(const v1::NetworkPolicy& resolved,
                                                   const config::EgressPolicy& egress) {
  NetworkRules rules;
  rules.enabled_ = egress.enabled();
  WARREN_RETURN_IF_ERROR(AddRules(egress.deny(), "egress.deny", rules.operators_deny_));
  WARREN_RETURN_IF_ERROR(AddRules(egress.open(), "egress.open", rules.open_));
  WARREN_RETURN_IF_ERROR(AddRules(resolved.deny(), "network.deny", rules.deny_));
  WARREN_RETURN_IF_ERROR(AddRules(resolved.allow(), "network.allow", rules.allow_));
  return rules;
}

std::string NetworkRules::DenialOfName(absl::string_view name, uint16_t port) const {
  if (!IsNormalized(name)) return absl::StrCat(Quoted(name), " is denied: it is no host name");
  const std::string endpoint = Endpoint(name, port);
  if (!enabled_) return NoNetwork(endpoint);
  if (auto rule = operators_deny_.FindName(name, port)) return ByRule(endpoint, *rule, kOperators);
  if (auto rule = deny_.FindName(name, port)) return ByRule(endpoint, *rule, kSandboxs);
  return "";
}

NetworkRules::Decision NetworkRules::DecideName(absl::string_view name, uint16_t port) const {
  std::string denial = DenialOfName(name, port);
  if (!denial.empty()) return Denied(std::move(denial));
  if (allow_.FindName(name, port).has_value()) return {true, ""};
  return Denied(ByNoRule(Endpoint(name, port), Shortened(name), port, allow_.PortsOfName(name)));
}

bool NetworkRules::MayResolve(absl::string_view name) const {
  if (!enabled_ || !IsNormalized(name)) return false;
  const PortSet allowed = allow_.PortsOfName(name);
  if (allowed.empty()) return false;
  PortSet denied = operators_deny_.PortsOfName(name);
  denied.Add(deny_.PortsOfName(name));
  return !denied.Covers(allowed);
}

std::string NetworkRules::DenialOfAddress(const IpAddress& address, uint16_t port) const {
  const std::string endpoint = Endpoint(address, port);
  if (!enabled_) return NoNetwork(endpoint);
  if (auto rule = FindDeny(operators_deny_, address, port)) {
    return ByRule(endpoint, *rule, kOperators);
  }
  if (auto rule = FindDeny(deny_, address, port)) return ByRule(endpoint, *rule, kSandboxs);
  const absl::string_view special = SpecialAddress(address);
  if (special.empty() || open_.FindAddress(address, port).has_value()) return "";
  if (!open_.PortsOfAddress(address).empty()) {
    return absl::StrCat(endpoint, " is ", special, ", which the ", kOperators,
                        " opens with other ports");
  }
  return absl::StrCat(endpoint, " is ", special, ", which only the ", kOperators, " can open");
}

NetworkRules::Decision NetworkRules::DecideAddress(const IpAddress& address, uint16_t port) const {
  std::string denial = DenialOfAddress(address, port);
  const bool allowed = denial.empty();
  return {allowed, std::move(denial)};
}

bool NetworkRules::IsOpened(const IpAddress& address, uint16_t port) const {
  return open_.FindAddress(address, port).has_value();
}

NetworkRules::Decision NetworkRules::DecideDirect(const IpAddress& address, uint16_t port) const {
  // What no allow rule could change is said first.
  std::string denial = DenialOfAddress(address, port);
  if (!denial.empty()) return Denied(std::move(denial));
  if (allow_.FindAddress(address, port).has_value()) return {true, ""};
  return Denied(absl::StrCat(
      ByNoRule(Endpoint(address, port), AddressText(address), port, allow_.PortsOfAddress(address)),
      ", or connect by name"));
}

}  // namespace warren
