// What is special among addresses. Source: IANA's IPv4 and IPv6 Special-Purpose Address Registries
// (as of October 2025); multicast and site-local addresses have registries of their own.
#include <utility>
#include <vector>

#include "runtime/network/address.h"

namespace warren {
namespace {

struct Special {
  absl::string_view network;
  absl::string_view what;
};

// The first that has the address counts, so narrow ones come before wide ones. Blocks that the
// registries call globally reachable are not here, but for those inside of a reserved block:
// nothing that a sandbox wants is there.
constexpr Special kSpecial[] = {
    {"0.0.0.0/8", "an address of this host (RFC 791)"},
    {"10.0.0.0/8", "a private address (RFC 1918)"},
    {"100.64.0.0/10", "a shared address (RFC 6598)"},
    {"127.0.0.0/8", "a loopback address (RFC 1122)"},
    {"168.63.129.16/32", "the address of a cloud's own services, from inside its machines alone"},
    {"169.254.169.254/32", "the address of a cloud's metadata (link-local, RFC 3927)"},
    {"169.254.0.0/16", "a link-local address (RFC 3927)"},
    {"172.16.0.0/12", "a private address (RFC 1918)"},
    {"192.0.0.0/24", "an address for protocols (RFC 6890)"},
    {"192.0.2.0/24", "an address for documentation (RFC 5737)"},
    {"192.88.99.0/24", "an address of 6to4 relays (RFC 7526)"},
    {"192.168.0.0/16", "a private address (RFC 1918)"},
    {"198.18.0.0/15", "an address for benchmarks (RFC 2544)"},
    {"198.51.100.0/24", "an address for documentation (RFC 5737)"},
    {"203.0.113.0/24", "an address for documentation (RFC 5737)"},
    {"224.0.0.0/4", "a multicast address (RFC 5771)"},
    {"255.255.255.255/32", "the broadcast address (RFC 919)"},
    {"240.0.0.0/4", "a reserved address (RFC 1112)"},

    {"::/128", "the unspecified address (RFC 4291)"},
    {"::1/128", "a loopback address (RFC 4291)"},
    {"::/96", "an IPv4-compatible address (RFC 4291)"},
    {"64:ff9b:1::/48", "an address of a local translator to IPv4 (RFC 8215)"},
    {"100::/64", "an address that discards (RFC 6666)"},
    {"100:0:0:1::/64", "a dummy address (RFC 9780)"},
    {"2001::/32", "a Teredo address (RFC 4380)"},
    {"2001:2::/48", "an address for benchmarks (RFC 5180)"},
    {"2001::/23", "an address for protocols (RFC 2928)"},
    {"2001:db8::/32", "an address for documentation (RFC 3849)"},
    {"3fff::/20", "an address for documentation (RFC 9637)"},
    {"5f00::/16", "a segment identifier (RFC 9602)"},
    {"fc00::/7", "a private address (RFC 4193)"},
    {"fe80::/10", "a link-local address (RFC 4291)"},
    {"fec0::/10", "a site-local address (RFC 3879)"},
    {"ff00::/8", "a multicast address (RFC 4291)"},
};
// All that IANA gives out as unicast.
constexpr absl::string_view kGlobalUnicast = "2000::/3";
constexpr absl::string_view kNotUnicast = "an address outside of what IPv6 gives out (RFC 4291)";

struct Table {
  std::vector<std::pair<IpNetwork, absl::string_view>> special;
  IpNetwork global_unicast;
};

Table ReadTable() {
  Table table{{}, ParseNetwork(kGlobalUnicast).value()};
  for (const Special& entry : kSpecial) {
    table.special.emplace_back(ParseNetwork(entry.network).value(), entry.what);
  }
  return table;
}

}  // namespace

absl::string_view SpecialAddress(const IpAddress& address) {
  if (std::optional<IpAddress> embedded = EmbeddedIpv4(address)) return SpecialAddress(*embedded);
  // Never destroyed: other threads may ask while the process ends.
  static const Table& table = *new Table(ReadTable());
  for (const auto& [network, what] : table.special) {
    if (network.Contains(address)) return what;
  }
  const bool reachable = address.is_v4() || table.global_unicast.Contains(address);
  return reachable ? absl::string_view() : kNotUnicast;
}

}  // namespace warren
