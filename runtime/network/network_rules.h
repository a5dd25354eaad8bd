#ifndef WARREN_RUNTIME_NETWORK_NETWORK_RULES_H_
#define WARREN_RUNTIME_NETWORK_NETWORK_RULES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/network/address.h"
#include "runtime/network/rule_set.h"
#include "warren/config/network.pb.h"
#include "warren/v1/network.pb.h"

namespace warren {

// A sandbox's policy and its operator's, ready to be asked. Immutable.
class NetworkRules {
 public:
  struct Decision {
    bool allowed = false;
    // Of a denial, one line for people, at most 300 bytes: what was asked for, which rule or lack
    // of one denies it, and what would allow it.
    std::string reason;
  };

  // Of a resolved policy. INVALID_ARGUMENT: a rule that cannot be understood. One that the
  // operator's policy does not enable allows nothing.
  static absl::StatusOr<NetworkRules> Compile(const v1::NetworkPolicy& resolved,
                                              const config::EgressPolicy& egress);

  // Whether a program may connect to a normalized name. By name alone: each address that the name
  // turns out to have is asked for by DecideAddress.
  Decision DecideName(absl::string_view name, uint16_t port) const;
  // Whether any port of the name could be allowed: else nobody outside is asked what it is.
  bool MayResolve(absl::string_view name) const;
  // Whether the address of an allowed name may be dialled: it is not special, or opened by the
  // operator, and no deny rule has it or the IPv4 address that it embeds. The reason names the
  // address alone: put the name before it, "example.com: ".
  Decision DecideAddress(const IpAddress& address, uint16_t port) const;
  // Whether the operator has opened it.
  bool IsOpened(const IpAddress& address, uint16_t port) const;
  // Whether a program may connect to an address that no name was asked for: an allow rule has it,
  // and DecideAddress allows it.
  Decision DecideDirect(const IpAddress& address, uint16_t port) const;

 private:
  NetworkRules() = default;
  // Why it is denied whatever the allow rules say; empty where it is not.
  std::string DenialOfName(absl::string_view name, uint16_t port) const;
  std::string DenialOfAddress(const IpAddress& address, uint16_t port) const;

  bool enabled_ = false;
  RuleSet operators_deny_;
  // Special addresses that may be reached.
  RuleSet open_;
  RuleSet deny_;
  RuleSet allow_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_NETWORK_RULES_H_
