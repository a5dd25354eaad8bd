#ifndef WARREN_RUNTIME_NETWORK_RULE_SET_H_
#define WARREN_RUNTIME_NETWORK_RULE_SET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/network/address.h"
#include "runtime/network/port_set.h"
#include "warren/v1/network.pb.h"

namespace warren {

// Rules of one kind, to look up what fits. A name costs a hash a label, an address a look at every
// network.
class RuleSet {
 public:
  // INVALID_ARGUMENT: "host: ..." or "ports...".
  absl::Status Add(const v1::NetworkRule& rule);

  // The host, in its normal form, of a rule that a connection fits; the narrowest of them. Names
  // are normalized.
  std::optional<std::string> FindName(absl::string_view name, uint16_t port) const;
  std::optional<std::string> FindAddress(const IpAddress& address, uint16_t port) const;
  // Of all rules that the name or the address fits.
  PortSet PortsOfName(absl::string_view name) const;
  PortSet PortsOfAddress(const IpAddress& address) const;

 private:
  struct NetworkPorts {
    IpNetwork network;
    PortSet ports;
  };
  // Calls `visit(host, ports)` for what the name fits, narrow before wide, until it returns false.
  template <typename Visit>
  void VisitName(absl::string_view name, Visit visit) const;

  absl::flat_hash_map<std::string, PortSet> names_;
  // Of "*.NAME".
  absl::flat_hash_map<std::string, PortSet> below_;
  // Of "*".
  PortSet every_name_;
  std::vector<NetworkPorts> networks_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_RULE_SET_H_
