#ifndef WARREN_SUPERVISOR_BACKEND_VALIDATE_H_
#define WARREN_SUPERVISOR_BACKEND_VALIDATE_H_

#include "absl/status/status.h"
#include "warren/v1/execution.pb.h"
#include "warren/v1/sandbox.pb.h"

// What the contract says about requests, for every backend: whichever door a request came through,
// it meets the same bounds. Pure; thread-safe.
//
// Each function fills in the contract's defaults in place, so what is OK afterwards has every field
// that has a default. INVALID_ARGUMENT names the field, its value and its range; UNIMPLEMENTED what
// the contract has and no backend yet. What hangs on the backend's state (templates, limits,
// contexts, page tokens) is the backend's to check.
namespace warren {

// lifetime, metadata, env, network_policy.
absl::Status ValidateCreate(warren::v1::CreateSandboxRequest& request);
// code, timeout, max_output_bytes, env, store_history, user_expressions, allow_stdin.
absl::Status ValidateExecute(warren::v1::ExecuteCodeRequest& request);
// lifetime, which has no default here.
absl::Status ValidateLifetime(warren::v1::SetSandboxLifetimeRequest& request);
// page_size.
absl::Status ValidateList(warren::v1::ListSandboxesRequest& request);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_VALIDATE_H_
