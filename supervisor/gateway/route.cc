#include "supervisor/gateway/route.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

constexpr size_t kMaxId = 64;
constexpr uint32_t kMaxPort = 65535;

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isdigit(c) || absl::ascii_islower(c);
  });
}

bool ReadPort(absl::string_view text, uint32_t& port) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &port) && port >= 1 && port <= kMaxPort;
}

// Without its port.
std::string NameOfHost(absl::string_view host) {
  if (absl::StartsWith(host, "[")) return std::string(host.substr(0, host.find(']') + 1));
  return absl::AsciiStrToLower(host.substr(0, host.find(':')));
}

}  // namespace

GatewayRoute RouteOf(absl::string_view host, absl::string_view id, absl::string_view port) {
  GatewayRoute route;
  const std::string name = NameOfHost(host);
  const absl::string_view label = absl::string_view(name).substr(0, name.find('.'));
  const size_t dash = label.find('-');
  if (dash != absl::string_view::npos && ReadPort(label.substr(0, dash), route.port) &&
      IsId(label.substr(dash + 1))) {
    route.sandbox_id = std::string(label.substr(dash + 1));
    return route;
  }
  route.port = 0;
  if (id.empty()) return route;
  route.port = kEnvdPort;
  route.malformed = !IsId(id) || (!port.empty() && !ReadPort(port, route.port));
  route.sandbox_id = std::string(id.substr(0, kMaxId));
  return route;
}

bool IsLocalHost(absl::string_view host) {
  std::string name = NameOfHost(host);
  if (name == "localhost" || absl::EndsWith(name, ".localhost")) return true;
  in_addr v4;
  in6_addr v6;
  if (::inet_pton(AF_INET, name.c_str(), &v4) == 1) return true;
  absl::string_view inner = name;
  return absl::ConsumePrefix(&inner, "[") && absl::ConsumeSuffix(&inner, "]") &&
         ::inet_pton(AF_INET6, std::string(inner).c_str(), &v6) == 1;
}

bool IsOfAnotherSite(absl::string_view origin, absl::string_view fetch_site,
                     absl::string_view site) {
  return fetch_site == "cross-site" || fetch_site == "same-site" ||
         (!origin.empty() && origin != site);
}

bool IsWithinDomain(absl::string_view host, absl::string_view domain) {
  const std::string name = NameOfHost(host);
  return !domain.empty() && (name == domain || (absl::EndsWith(name, domain) &&
                                                name[name.size() - domain.size() - 1] == '.'));
}

}  // namespace warren
