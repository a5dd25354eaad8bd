#ifndef WARREN_RUNTIME_RELAY_HTTP_AUTHORITY_H_
#define WARREN_RUNTIME_RELAY_HTTP_AUTHORITY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// What a connection was made to.
struct HttpOrigin {
  // A normalized name, or an address as text.
  std::string host;
  uint16_t port = 0;
};

// Why an authority ("example.com", "example.com:80": a Host header, the target of a CONNECT) is not
// where the connection goes, for people; empty where it is. `what` is how the message calls it.
std::string WrongWithAuthority(absl::string_view what, absl::string_view authority,
                               const HttpOrigin& origin);
// The same of an absolute URL, "http://example.com/path".
std::string WrongWithUrl(absl::string_view what, absl::string_view url, const HttpOrigin& origin);

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_HTTP_AUTHORITY_H_
