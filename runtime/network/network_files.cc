// The files of network policies: operators' text, read by the launcher alone.
#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/address.h"
#include "runtime/network/host_name.h"
#include "runtime/network/host_pattern.h"
#include "runtime/network/network_policy.h"
#include "runtime/network/quote.h"
#include "runtime/policy/text_proto.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

// The widest special networks are 10.0.0.0/8, 127.0.0.0/8 and fc00::/7. What is wider than these
// opens more than whoever wrote it meant.
constexpr int kWidestIpv4 = 8;
constexpr int kWidestIpv6 = 7;

absl::Status WrongFile(absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::Status CheckPreset(const config::NetworkPreset& preset, const fs::path& path) {
  if (!IsPresetName(preset.name()) || preset.name() != path.stem()) {
    return absl::InvalidArgumentError(
        absl::StrCat("name is ", Quoted(preset.name()),
                     "; it must be that of the file without its .textproto, "
                     "of a-z, 0-9 and \"-\", at most 63 bytes"));
  }
  if (!preset.policy().preset().empty()) {
    return absl::InvalidArgumentError("policy.preset: a preset has none of its own");
  }
  return ValidateNetworkPolicy(preset.policy(), "policy");
}

absl::Status CheckOpen(const v1::NetworkRule& rule, absl::string_view field) {
  WARREN_RETURN_IF_ERROR(ValidateNetworkRule(rule, field));
  WARREN_ASSIGN_OR_RETURN(HostPattern host, ParseHostPattern(rule.host()));
  if (host.kind != HostPattern::Kind::kNetwork) {
    return absl::InvalidArgumentError(absl::StrCat(field, ".host is ", Quoted(rule.host()),
                                                   "; it must be an address or a network"));
  }
  const int widest = host.network.first.is_v4() ? kWidestIpv4 : kWidestIpv6;
  if (host.network.prefix < widest) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ".host is ", Quoted(rule.host()), "; a network that is opened must be at most /",
        widest, " wide: public addresses need no opening, special ones are opened by their own"));
  }
  return absl::OkStatus();
}

absl::Status CheckPinnedName(const config::EgressPolicy::PinnedName& pinned,
                             std::set<std::string>& seen) {
  WARREN_ASSIGN_OR_RETURN(std::string name, NormalizeHostName(pinned.name()));
  if (!seen.insert(name).second) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(name), " is there twice"));
  }
  if (pinned.addresses().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(name), " has no addresses"));
  }
  for (const std::string& address : pinned.addresses()) {
    WARREN_RETURN_IF_ERROR(ParseAddress(address).status());
  }
  return absl::OkStatus();
}

bool IsPort(absl::string_view text) {
  const bool digits =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isdigit(c); });
  uint32_t port = 0;
  return digits && absl::SimpleAtoi(text, &port) && port >= 1 && port <= 65535;
}

// "203.0.113.53", "2001:db8::53", or with a port: "203.0.113.53:53", "[2001:db8::53]:53".
bool IsResolver(absl::string_view text) {
  if (ParseAddress(text).ok()) return true;
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || !IsPort(text.substr(colon + 1))) return false;
  absl::string_view host = text.substr(0, colon);
  const bool brackets = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  absl::StatusOr<IpAddress> address = ParseAddress(host);
  return address.ok() && address->is_v6() == brackets;
}

absl::Status CheckEgress(const config::EgressPolicy& policy) {
  if (policy.name().empty()) return absl::InvalidArgumentError("it has no name");
  for (int i = 0; i < policy.deny_size(); ++i) {
    WARREN_RETURN_IF_ERROR(ValidateNetworkRule(policy.deny(i), absl::StrCat("deny[", i, "]")));
  }
  for (int i = 0; i < policy.open_size(); ++i) {
    WARREN_RETURN_IF_ERROR(CheckOpen(policy.open(i), absl::StrCat("open[", i, "]")));
  }
  std::set<std::string> names;
  for (int i = 0; i < policy.names_size(); ++i) {
    absl::Status pinned = CheckPinnedName(policy.names(i), names);
    if (!pinned.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("names[", i, "]: ", pinned.message()));
    }
  }
  for (int i = 0; i < policy.resolvers_size(); ++i) {
    if (IsResolver(policy.resolvers(i))) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("resolvers[", i, "] is ", Quoted(policy.resolvers(i)),
                     "; it must be an IP address, or one and a port: \"203.0.113.53:5353\", "
                     "\"[2001:db8::53]:5353\""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NetworkPresets> LoadNetworkPresets(const std::string& directory) {
  NetworkPresets presets;
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& path = entries->path();
    if (path.extension() != ".textproto") continue;
    config::NetworkPreset preset;
    WARREN_RETURN_IF_ERROR(ReadTextProto(path, preset));
    absl::Status valid = CheckPreset(preset, path);
    if (!valid.ok()) return WrongFile(path.string(), valid.message());
    presets.emplace(path.stem(), std::move(preset));
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("read the directory ", directory));
  }
  return presets;
}

std::string EgressPolicyFile(const std::string& prefix, const std::string& wanted) {
  if (absl::StrContains(wanted, '/')) return wanted;
  return absl::StrCat(prefix, "/share/warren/policies/egress/", wanted, ".textproto");
}

absl::StatusOr<config::EgressPolicy> LoadEgressPolicy(const std::string& path) {
  config::EgressPolicy policy;
  WARREN_RETURN_IF_ERROR(ReadTextProto(path, policy));
  absl::Status valid = CheckEgress(policy);
  if (!valid.ok()) return WrongFile(path, valid.message());
  return policy;
}

}  // namespace warren
