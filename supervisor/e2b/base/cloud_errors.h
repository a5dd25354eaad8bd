#ifndef WARREN_SUPERVISOR_E2B_BASE_CLOUD_ERRORS_H_
#define WARREN_SUPERVISOR_E2B_BASE_CLOUD_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/e2b/http/http_ask.h"

// What the cloud's answers mean, in words for clients: what it says is taken over only where it is
// about the request, bounded and as valid UTF-8; no key, address or token is ever in it. Pure.
namespace warren {

// Of 2xx: OK.
//
// To the control plane. 401 and 403 are UNAVAILABLE: it is this server's key that the cloud
// refuses, not the client's. 400 and 422 INVALID_ARGUMENT, 404 NOT_FOUND, 409 FAILED_PRECONDITION,
// 429 and 507 RESOURCE_EXHAUSTED, 501 UNIMPLEMENTED, others UNAVAILABLE.
absl::Status ControlStatus(const HttpAnswer& answer);
// To envd's REST (files). A 502, by which E2B's proxy says that a sandbox is gone or paused, is
// UNAVAILABLE as others are: Cloud::Explain finds out which.
absl::Status EnvdStatus(const HttpAnswer& answer);
// To a unary call of envd's by Connect, whose error is {"code", "message"}.
absl::Status ConnectStatus(const HttpAnswer& answer);
// The same object, from the end of a stream: {"error": {"code", "message"}} or {}.
absl::Status ConnectEndStatus(absl::string_view json);
// To the code interpreter, which answers in text.
absl::Status InterpreterStatus(const HttpAnswer& answer);

// What every call says of a sandbox that the cloud does not have, or does not have any more.
absl::Status NoSuchCloudSandbox();

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_CLOUD_ERRORS_H_
