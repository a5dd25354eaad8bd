#ifndef WARREN_SUPERVISOR_GATEWAY_ROUTE_H_
#define WARREN_SUPERVISOR_GATEWAY_ROUTE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// What a request is for, as E2B's proxy tells it: by the name that it was sent to, else by the
// headers that its SDKs send, else it is for the control plane.
struct GatewayRoute {
  // Empty: the control plane.
  std::string sandbox_id;
  // A port of the sandbox's. 49983 is envd, 49999 the code interpreter.
  uint32_t port = 0;
  // The headers are malformed: they name no sandbox that could be.
  bool malformed = false;
};

inline constexpr uint32_t kEnvdPort = 49983;
inline constexpr uint32_t kInterpreterPort = 49999;

// `host`: the Host header, "PORT-ID.example.com:8080"; `id` and `port`: E2b-Sandbox-Id and
// E2b-Sandbox-Port.
GatewayRoute RouteOf(absl::string_view host, absl::string_view id, absl::string_view port);

// Whether a name is one of this machine's own or an address: what a page that was made to resolve
// to 127.0.0.1 (DNS rebinding) is not sent to. Where there is no API key nothing else is served.
bool IsLocalHost(absl::string_view host);
// Whether a browser sends this for a page of another site than `site` ("http://127.0.0.1:3000"), by
// the headers Origin and Sec-Fetch-Site: where everybody is the operator, such a page is not.
// Programs send neither.
bool IsOfAnotherSite(absl::string_view origin, absl::string_view fetch_site,
                     absl::string_view site);
// The name, or one below it.
bool IsWithinDomain(absl::string_view host, absl::string_view domain);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ROUTE_H_
