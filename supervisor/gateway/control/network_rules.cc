#include "supervisor/gateway/control/network_rules.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/gateway/control/json_fields.h"
#include "supervisor/gateway/control/network_ranges.h"

namespace warren {
namespace {

// Presets.
constexpr char kOpen[] = "internet";
constexpr char kClosed[] = "none";
constexpr char kEverything[] = "0.0.0.0/0";
constexpr char kEverythingV6[] = "::/0";

bool IsEverything(const std::string& rule) { return rule == kEverything || rule == kEverythingV6; }

}  // namespace

absl::StatusOr<E2bEgress> ReadEgress(const nlohmann::json& network) {
  E2bEgress egress;
  for (const char* unbuilt : {"rules", "egressProxy", "httpsPorts"}) {
    auto found = network.find(unbuilt);
    if (found == network.end() || found->is_null() || found->empty()) continue;
    return absl::UnimplementedError(
        absl::StrCat("network.", unbuilt, " is not supported by this server"));
  }
  WARREN_ASSIGN_OR_RETURN(egress.allow_out, TextsOf(network, "allowOut"));
  WARREN_ASSIGN_OR_RETURN(egress.deny_out, TextsOf(network, "denyOut"));
  return egress;
}

v1::NetworkPolicy ToNetworkPolicy(const E2bEgress& egress) {
  v1::NetworkPolicy policy;
  const bool closed =
      !egress.internet || std::any_of(egress.deny_out.begin(), egress.deny_out.end(), IsEverything);
  policy.set_preset(closed ? kClosed : kOpen);
  for (const std::string& host : egress.allow_out) {
    if (!IsEverything(host)) policy.add_allow()->set_host(host);
  }
  std::vector<std::string> denied;
  std::copy_if(egress.deny_out.begin(), egress.deny_out.end(), std::back_inserter(denied),
               [](const std::string& host) { return !IsEverything(host); });
  for (std::string& host : WithoutAllowed(denied, egress.allow_out))
    policy.add_deny()->set_host(std::move(host));
  return policy;
}

E2bEgress ToEgress(const v1::NetworkPolicy& policy) {
  E2bEgress egress;
  egress.internet = policy.preset() == kOpen;
  for (const v1::NetworkRule& rule : policy.allow()) egress.allow_out.push_back(rule.host());
  for (const v1::NetworkRule& rule : policy.deny()) egress.deny_out.push_back(rule.host());
  if (!egress.internet) egress.deny_out.emplace_back(kEverything);
  return egress;
}

}  // namespace warren
