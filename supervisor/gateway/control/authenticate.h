#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_AUTHENTICATE_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_AUTHENTICATE_H_

#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"

namespace warren {

// Who comes with an API key. UNAUTHENTICATED for a key that is none. Called by any thread.
using Authenticate = std::function<absl::StatusOr<Principal>(absl::string_view key)>;

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_AUTHENTICATE_H_
