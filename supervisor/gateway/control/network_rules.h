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
// denied. Where both name the same, Warren denies, and E2B allows: so a rule that is allowed and
// denied stays denied.
v1::NetworkPolicy ToNetworkPolicy(const E2bEgress& egress);

// What ToNetworkPolicy made `policy` of; where nothing is open, `deny_out` says so. Another door
// may have set ports and limits too, for which E2B has no words: they are left out.
E2bEgress ToEgress(const v1::NetworkPolicy& policy);

// What ToNetworkPolicy was given, where `policy` is from there; its `internet` says only that not
// everything is denied. Also of a policy that another door has set, whose ports are left out: E2B
// has no word for them.
E2bEgress ToEgress(const v1::NetworkPolicy& policy);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_NETWORK_RULES_H_
