#ifndef WARREN_SUPERVISOR_CONFIG_SECRETS_H_
#define WARREN_SUPERVISOR_CONFIG_SECRETS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/config/backends.pb.h"

// Errors are of two parts, what is wrong and, behind "; ", what to do. They name the file or the
// variable, and never what is in it.
namespace warren {

// Whether it names a file or a variable, without looking at it.
absl::Status ValidateSecret(const config::Secret& secret);

// The first line of its file, or its environment variable, without line ends: 1 to 4096 printable
// characters of ASCII without spaces, as keys are. Refuses a file that others than its owner and
// group can get at. Not beside setenv.
absl::StatusOr<std::string> ReadSecret(const config::Secret& secret);

// Whether it has the form of E2B's keys, "e2b_" and hexadecimal digits.
bool IsE2bKey(absl::string_view key);
// What to call it in messages: "/etc/warren/e2b.key", "$E2B_API_KEY".
std::string SecretSource(const config::Secret& secret);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_SECRETS_H_
