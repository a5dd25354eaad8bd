#ifndef WARREN_RUNTIME_NETWORK_ADDRESS_H_
#define WARREN_RUNTIME_NETWORK_ADDRESS_H_

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

using IpAddress = boost::asio::ip::address;

// "203.0.113.7", "2001:db8::1"; no zone id, no brackets, no octal or short forms. INVALID_ARGUMENT.
absl::StatusOr<IpAddress> ParseAddress(absl::string_view text);

// Addresses with a common prefix.
struct IpNetwork {
  IpAddress first;
  // Bits.
  int prefix = 0;

  // An IPv4 address is in no IPv6 network, and an IPv4-mapped IPv6 address is what it maps.
  bool Contains(const IpAddress& address) const;
  // As ParseNetwork takes it; without the prefix where it is one address.
  std::string ToString() const;
};
// An address, or "203.0.113.0/24" with no bit set behind the prefix; one of IPv4-mapped IPv6
// addresses alone is the network of what they map. INVALID_ARGUMENT.
absl::StatusOr<IpNetwork> ParseNetwork(absl::string_view text);

// What an IPv4-mapped IPv6 address maps; any other as it is.
IpAddress Unmapped(const IpAddress& address);

// As ParseAddress takes it, for a message or an event: no zone id, an IPv4-mapped address as what
// it maps.
std::string AddressText(const IpAddress& address);

// Where a packet to an IPv6 address ends that a translator or a relay makes an IPv4 one of:
// IPv4-mapped, NAT64 with the well-known prefix (RFC 6052), 6to4 (RFC 3056). None for any other.
std::optional<IpAddress> EmbeddedIpv4(const IpAddress& address);

// What is special about it, for a message: "a private address (RFC 1918)"; empty of an address that
// is reachable in the internet. By IANA's registries of special-purpose addresses; what
// EmbeddedIpv4 knows is as special as that, IPv4-compatible and Teredo addresses always are.
absl::string_view SpecialAddress(const IpAddress& address);

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_ADDRESS_H_
