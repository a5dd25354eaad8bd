#ifndef WARREN_TOOLS_WARREN_NETWORK_TEXT_H_
#define WARREN_TOOLS_WARREN_NETWORK_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tools/warren/facts.h"
#include "warren/v1/network.pb.h"

// Network policies and what they let through, as people type and read them. Pure functions; what
// they return can go to a terminal.
namespace warren {

// HOST[:PORTS]: "pip.test:443", "*.example.com", "203.0.113.0/24:80,443,8000-8010". An IPv6 address
// with ports is in brackets: "[2001:db8::1]:443". What a host may be is the server's to say.
absl::StatusOr<v1::NetworkRule> ParseNetworkRule(absl::string_view text);
// The same back.
std::string FormatNetworkRule(const v1::NetworkRule& rule);
// "80, 443, 8000-8010"; "all".
std::string FormatPorts(const v1::NetworkRule& rule);

// A policy in one line: "internet; allow pip.test:443 and 3 more; deny *.example.com".
std::string SummarizeNetwork(const v1::NetworkPolicy& policy);
// Preset and bounds.
Facts NetworkFacts(const v1::NetworkPolicy& policy);

// An event as a line, without its end.
std::string NetworkEventLine(const v1::NetworkEvent& event);
nlohmann::ordered_json NetworkEventObject(const v1::NetworkEvent& event);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_NETWORK_TEXT_H_
