#ifndef WARREN_SUPERVISOR_E2B_BASE_CLOUD_REQUESTS_H_
#define WARREN_SUPERVISOR_E2B_BASE_CLOUD_REQUESTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "supervisor/e2b/base/cloud_options.h"
#include "supervisor/e2b/base/cloud_sandbox.h"
#include "supervisor/e2b/http/http_client.h"

// Requests as E2B's SDKs make them. Pure.
namespace warren {

inline constexpr int kEnvdPort = 49983;
inline constexpr int kInterpreterPort = 49999;

// To the control plane: with the key, on a lane of its own, for half a minute at most. `path` with
// its query, encoded; `json` where it has a body.
HttpRequest ControlRequest(const CloudOptions& options, absl::string_view method,
                           absl::string_view path, std::string json = "");
// To a sandbox's envd: with its routing headers and token. `user` "user" or "root"; empty for the
// cloud's default. The lane and times are the caller's to set.
HttpRequest EnvdRequest(const CloudOptions& options, const CloudSandbox& sandbox,
                        absl::string_view method, absl::string_view path, absl::string_view user);
// To its code interpreter.
HttpRequest InterpreterRequest(const CloudOptions& options, const CloudSandbox& sandbox,
                               absl::string_view method, absl::string_view path,
                               std::string json = "");

// As a part of a path or a query.
std::string PercentEncode(absl::string_view text);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_CLOUD_REQUESTS_H_
