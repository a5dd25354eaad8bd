#include "runtime/network/host_pattern.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/host_name.h"

namespace warren {
namespace {

constexpr absl::string_view kWanted =
    "; it must be a name, \"*.name\", \"*\", an address or a network such as \"203.0.113.0/24\"";

}  // namespace

std::string HostPattern::ToString() const {
  switch (kind) {
    case Kind::kName:
      return name;
    case Kind::kBelow:
      return absl::StrCat("*.", name);
    case Kind::kEveryName:
      return "*";
    case Kind::kNetwork:
      return network.ToString();
  }
  return "";
}

absl::StatusOr<HostPattern> ParseHostPattern(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat("the host is empty", kWanted));
  if (text == "*") return HostPattern{HostPattern::Kind::kEveryName, "", {}};
  // No name has a colon or a slash, and none reads as an address.
  if (absl::StrContains(text, ':') || absl::StrContains(text, '/') || ParseAddress(text).ok()) {
    absl::StatusOr<IpNetwork> network = ParseNetwork(text);
    if (network.ok()) return HostPattern{HostPattern::Kind::kNetwork, "", *network};
    return absl::InvalidArgumentError(absl::StrCat(network.status().message(), kWanted));
  }
  absl::string_view rest = text;
  const bool below = absl::ConsumePrefix(&rest, "*.");
  absl::StatusOr<std::string> name = NormalizeHostName(rest);
  if (!name.ok()) return absl::InvalidArgumentError(absl::StrCat(name.status().message(), kWanted));
  return HostPattern{
      below ? HostPattern::Kind::kBelow : HostPattern::Kind::kName, *std::move(name), {}};
}

}  // namespace warren
