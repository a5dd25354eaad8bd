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

// [a-z0-9][a-z0-9-]{0,62}
bool IsPresetName(absl::string_view name);

// Whether a rule has a host and ports that can be understood. INVALID_ARGUMENT: "FIELD.host: ...".
absl::Status ValidateNetworkRule(const v1::NetworkRule& rule, absl::string_view field);

// Whether it is one that can be asked for, whatever presets there are. `field` is how the message
// calls it: "network". INVALID_ARGUMENT names the field: "network.allow[2].host: ...".
absl::Status ValidateNetworkPolicy(const v1::NetworkPolicy& policy, absl::string_view field);

// What it comes to: the rules of its preset behind its own, the preset's bounds where it has none,
// every host in its normal form, `preset` as it was asked for ("none" for empty; without such a
// preset, "none" is no rules). `max_connections` is never 0. Of a policy that is valid;
// INVALID_ARGUMENT: there is no such preset (the message lists them), or too many rules.
absl::StatusOr<v1::NetworkPolicy> ResolveNetworkPolicy(const v1::NetworkPolicy& policy,
                                                       const NetworkPresets& presets);

// Whether it lets nothing at all out: no rule of it allows anything.
bool DeniesEverything(const v1::NetworkPolicy& resolved);

// Ports that its allow rules name one by one, and 80 and 443 where a rule is for every port or for
// a range; at most 64, ascending, never empty: what a host without socket lookup listens on.
std::vector<uint16_t> PortsOf(const v1::NetworkPolicy& resolved);

// Every *.textproto of a directory (policies/network): each is checked, and is named as its file.
absl::StatusOr<NetworkPresets> LoadNetworkPresets(const std::string& directory);
// The file of the egress policy that an operator asks for: NAME is policies/egress/NAME.textproto
// of this prefix; what has a '/' is the path of a file of the operator's own.
std::string EgressPolicyFile(const std::string& prefix, const std::string& wanted);
// Such a file, checked: it has a name, whatever its file is called; what `open` opens is networks,
// of at most /8 (IPv4) or /7.
absl::StatusOr<config::EgressPolicy> LoadEgressPolicy(const std::string& path);

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_NETWORK_POLICY_H_
