#ifndef WARREN_RUNTIME_NETWORK_NETWORK_POLICY_H_
#define WARREN_RUNTIME_NETWORK_NETWORK_POLICY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/config/network.pb.h"
#include "warren/v1/network.pb.h"

namespace warren {

inline constexpr int32_t kMaxConnections = 2500;

using NetworkPresets = std::map<std::string, config::NetworkPreset>;

// Whether it is one that can be asked for, whatever presets there are. `field` is how the message
// calls it: "network". INVALID_ARGUMENT names the field: "network.allow[2].host is ...".
absl::Status ValidateNetworkPolicy(const v1::NetworkPolicy& policy, absl::string_view field);

// What it comes to: the rules of its preset behind its own, the preset's bounds where it has none,
// every host in its normal form, `preset` as it was asked for ("none" for empty). Of a policy that
// is valid; INVALID_ARGUMENT: there is no such preset (the message lists them), or too many rules.
absl::StatusOr<v1::NetworkPolicy> ResolveNetworkPolicy(const v1::NetworkPolicy& policy,
                                                       const NetworkPresets& presets);

// Whether it lets nothing at all out.
bool DeniesEverything(const v1::NetworkPolicy& resolved);

// Ports that its allow rules name one by one, and 80 and 443 where a rule is for every port or for
// a range; at most 64, ascending, never empty: what a host without socket lookup listens on.
std::vector<uint16_t> PortsOf(const v1::NetworkPolicy& resolved);

// policies/network/*.textproto of `directory`: each is checked, and is named as its file.
absl::StatusOr<NetworkPresets> LoadNetworkPresets(const std::string& directory);
// policies/egress/NAME.textproto.
absl::StatusOr<config::EgressPolicy> LoadEgressPolicy(const std::string& path);

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_NETWORK_POLICY_H_
