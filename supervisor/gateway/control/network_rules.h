#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_NETWORK_RULES_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_NETWORK_RULES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "warren/v1/network.pb.h"

namespace warren {

// What E2B's clients say of a sandbox's egress.
struct E2bEgress {
  // allow_internet_access; unset means the same.
  bool internet = true;
  // Addresses, ranges and names.
  std::vector<std::string> allow_out;
  // Addresses and ranges; "0.0.0.0/0" denies what is not allowed.
  std::vector<std::string> deny_out;
};

// From the `network` object of a request, or its absence. UNIMPLEMENTED for what Warren has not:
// rules with transforms, an egress proxy.
absl::StatusOr<E2bEgress> ReadEgress(const nlohmann::json& network);

// In Warren's terms: what is allowed beside a denial of everything, or the internet without what is
// denied. To E2B an allowance wins, to Warren a denial: so what is allowed is cut out of what is
// denied. A name that is allowed still has none of its addresses that are denied.
v1::NetworkPolicy ToNetworkPolicy(const E2bEgress& egress);

// What ToNetworkPolicy was given, where `policy` is from there, but for denials that allowances
// were cut out of; its `internet` says only that not everything is denied, which `deny_out` says
// too. Also of a policy that another door has set, whose ports are left out: E2B has no word for
// them.
E2bEgress ToEgress(const v1::NetworkPolicy& policy);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_NETWORK_RULES_H_
