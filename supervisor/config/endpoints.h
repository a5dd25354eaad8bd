#ifndef WARREN_SUPERVISOR_CONFIG_ENDPOINTS_H_
#define WARREN_SUPERVISOR_CONFIG_ENDPOINTS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Where backends are, as text: pure. Errors are of WrongConfig (config_problem.h).
namespace warren {

// Whether it is "HOST:PORT", an IPv6 address of it in brackets, or "unix:///PATH".
absl::Status ValidateServerAddress(absl::string_view address);
bool IsUnixAddress(absl::string_view address);

// Whether it is "https://HOST[:PORT]", or "http://HOST[:PORT]" of a loopback address, and nothing
// else. A message does not repeat it: there may be a password in it.
absl::Status ValidateServiceUrl(absl::string_view url);

// Whether it is the absolute path of a file: "/etc/warren/e2b.key".
absl::Status ValidateFilePath(absl::string_view path);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_ENDPOINTS_H_
