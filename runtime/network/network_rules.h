#ifndef WARREN_RUNTIME_NETWORK_NETWORK_RULES_H_
#define WARREN_RUNTIME_NETWORK_NETWORK_RULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/network/address.h"
#include "warren/config/network.pb.h"
#include "warren/v1/network.pb.h"

namespace warren {

// A sandbox's policy and its operator's, ready to be asked. Immutable.
class NetworkRules {
 public:
  struct Decision {
    bool allowed = false;
    // Of a denial, one line for people, at most 300 bytes: what was asked for, which rule or lack of
    // one denies it, and what would allow it.
    std::string reason;
  };

  // Of a resolved policy. INVALID_ARGUMENT: a rule that cannot be understood.
  static absl::StatusOr<NetworkRules> Compile(const v1::NetworkPolicy& resolved,
                                              const config::EgressPolicy& egress);

  // Whether a program may connect to a normalized name. By name alone: each address that the name
  // turns out to have is asked for by DecideAddress.
  Decision DecideName(absl::string_view name, uint16_t port) const;
  // Whether any port of the name could be allowed: else nobody outside is asked what it is.
  bool MayResolve(absl::string_view name) const;
  // Whether the address of an allowed name may be dialled: it is not special, or opened by the
  // operator, and no deny rule has it.
  Decision DecideAddress(const IpAddress& address, uint16_t port) const;
  // Whether a program may connect to an address that no name was asked for: an allow rule has it,
  // and DecideAddress allows it.
  Decision DecideDirect(const IpAddress& address, uint16_t port) const;

 private:
  NetworkRules() = default;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_NETWORK_RULES_H_
