#include "runtime/network/network_policy.h"

#include <google/protobuf/repeated_ptr_field.h>

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "runtime/network/host_pattern.h"
#include "runtime/network/port_set.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

using Rules = google::protobuf::RepeatedPtrField<v1::NetworkRule>;

// Of a sandbox, its preset's with them.
constexpr int kMostRules = 256;
constexpr int64_t kLeastBytesPerSecond = 1024;
constexpr size_t kLongestPresetName = 63;
// What a message lists.
constexpr size_t kMostListed = 32;
// The preset that a policy without one has.
constexpr char kNone[] = "none";

constexpr size_t kMostPorts = 64;
constexpr uint16_t kHttp = 80;
constexpr uint16_t kHttps = 443;

absl::Status Wrong(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, what));
}

absl::Status ValidateRules(const Rules& rules, absl::string_view field) {
  for (int i = 0; i < rules.size(); ++i) {
    absl::Status valid = ValidateNetworkRule(rules[i], absl::StrCat(field, "[", i, "]"));
    if (!valid.ok()) return valid;
  }
  return absl::OkStatus();
}

absl::Status AppendRules(const Rules& rules, Rules& result) {
  for (const v1::NetworkRule& rule : rules) {
    WARREN_ASSIGN_OR_RETURN(HostPattern host, ParseHostPattern(rule.host()));
    v1::NetworkRule* added = result.Add();
    *added = rule;
    // Of a newer client: they would be kept and passed on unseen.
    added->DiscardUnknownFields();
    added->set_host(host.ToString());
  }
  return absl::OkStatus();
}

absl::Status NoSuchPreset(absl::string_view name, const NetworkPresets& presets) {
  std::vector<absl::string_view> names;
  for (const auto& [known, preset] : presets) names.push_back(known);
  absl::string_view more;
  if (names.size() > kMostListed) {
    names.resize(kMostListed);
    more = ", ...";
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "network.preset: there is no preset ", Quoted(name),
      "; this server has: ", names.empty() ? kNone : absl::StrJoin(names, ", "), more));
}

bool NamesOnePort(const v1::PortRange& range) {
  return range.last() == 0 || range.last() == range.first();
}

}  // namespace

bool IsPresetName(absl::string_view name) {
  const auto is_of_name = [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  };
  return !name.empty() && name.size() <= kLongestPresetName && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), is_of_name);
}

absl::Status ValidateNetworkRule(const v1::NetworkRule& rule, absl::string_view field) {
  absl::Status host = ParseHostPattern(rule.host()).status();
  if (!host.ok()) return Wrong(field, absl::StrCat(".host: ", host.message()));
  absl::Status ports = PortSet::Of(rule).status();
  if (!ports.ok()) return Wrong(field, absl::StrCat(".", ports.message()));
  return absl::OkStatus();
}

absl::Status ValidateNetworkPolicy(const v1::NetworkPolicy& policy, absl::string_view field) {
  if (!policy.preset().empty() && !IsPresetName(policy.preset())) {
    return Wrong(
        field, absl::StrCat(".preset is ", Quoted(policy.preset()), "; it must be empty or 1 to ",
                            kLongestPresetName, " of a-z, 0-9 and \"-\", which is not the first"));
  }
  const int rules = policy.allow_size() + policy.deny_size();
  if (rules > kMostRules) {
    return Wrong(field, absl::StrCat(" has ", rules,
                                     " rules in allow and deny; it may have at most ", kMostRules));
  }
  WARREN_RETURN_IF_ERROR(ValidateRules(policy.allow(), absl::StrCat(field, ".allow")));
  WARREN_RETURN_IF_ERROR(ValidateRules(policy.deny(), absl::StrCat(field, ".deny")));
  if (policy.bytes_per_second() != 0 && policy.bytes_per_second() < kLeastBytesPerSecond) {
    return Wrong(field, absl::StrCat(".bytes_per_second is ", policy.bytes_per_second(),
                                     "; it must be 0 or at least ", kLeastBytesPerSecond));
  }
  if (policy.max_connections() < 0 || policy.max_connections() > kMaxConnections) {
    return Wrong(field, absl::StrCat(".max_connections is ", policy.max_connections(),
                                     "; it must be 0 to ", kMaxConnections));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::NetworkPolicy> ResolveNetworkPolicy(const v1::NetworkPolicy& policy,
                                                       const NetworkPresets& presets) {
  v1::NetworkPolicy result;
  result.set_preset(policy.preset().empty() ? kNone : policy.preset());
  v1::NetworkPolicy preset;
  if (auto found = presets.find(result.preset()); found != presets.end()) {
    preset = found->second.policy();
  } else if (result.preset() != kNone) {
    return NoSuchPreset(result.preset(), presets);
  }
  WARREN_RETURN_IF_ERROR(AppendRules(policy.allow(), *result.mutable_allow()));
  WARREN_RETURN_IF_ERROR(AppendRules(preset.allow(), *result.mutable_allow()));
  WARREN_RETURN_IF_ERROR(AppendRules(policy.deny(), *result.mutable_deny()));
  WARREN_RETURN_IF_ERROR(AppendRules(preset.deny(), *result.mutable_deny()));
  const int rules = result.allow_size() + result.deny_size();
  if (rules > kMostRules) {
    return absl::InvalidArgumentError(
        absl::StrCat("network has ", rules, " rules together with those of its preset ",
                     Quoted(result.preset()), "; it may have at most ", kMostRules));
  }
  result.set_bytes_per_second(policy.bytes_per_second() != 0 ? policy.bytes_per_second()
                                                             : preset.bytes_per_second());
  const int32_t connections =
      policy.max_connections() != 0 ? policy.max_connections() : preset.max_connections();
  result.set_max_connections(connections != 0 ? connections : kMaxConnections);
  return result;
}

bool DeniesEverything(const v1::NetworkPolicy& resolved) { return resolved.allow().empty(); }

std::vector<uint16_t> PortsOf(const v1::NetworkPolicy& resolved) {
  // The web's first: a long list must not push them out.
  std::set<uint16_t> ports;
  if (resolved.allow().empty()) ports = {kHttp, kHttps};
  for (const v1::NetworkRule& rule : resolved.allow()) {
    const bool wide = !std::all_of(rule.ports().begin(), rule.ports().end(), NamesOnePort);
    if (rule.ports().empty() || wide) ports = {kHttp, kHttps};
  }
  for (const v1::NetworkRule& rule : resolved.allow()) {
    for (const v1::PortRange& range : rule.ports()) {
      if (ports.size() == kMostPorts) break;
      if (NamesOnePort(range)) ports.insert(static_cast<uint16_t>(range.first()));
    }
  }
  return {ports.begin(), ports.end()};
}

}  // namespace warren
