#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_BASIC_USER_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_BASIC_USER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// As whom a client of envd's acts, by `Authorization: Basic base64("user:")`; a password behind the
// colon means nothing. "" where the header is empty or of another scheme: the sandbox's profile
// decides. UNAUTHENTICATED, as envd says it, for a user that no sandbox has, and for what is not
// base64.
absl::StatusOr<std::string> BasicUser(absl::string_view authorization);

// "", "user" and "root" are those that there can be; else UNAUTHENTICATED.
absl::Status CheckEnvdUser(absl::string_view user);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_BASIC_USER_H_
