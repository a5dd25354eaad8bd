#ifndef WARREN_RUNTIME_NETWORK_HOST_NAME_H_
#define WARREN_RUNTIME_NETWORK_HOST_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// The name as policies and tables have it: lower case, without the dot at its end.
// INVALID_ARGUMENT: empty, longer than 253 bytes, a label that is empty, longer than 63 or has
// anything but letters, digits, `-` and `_`, or a name that reads as an address (its last label is
// a number).
absl::StatusOr<std::string> NormalizeHostName(absl::string_view text);

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_HOST_NAME_H_
