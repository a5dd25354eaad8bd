#ifndef WARREN_SUPERVISOR_BACKEND_VALIDATE_H_
#define WARREN_SUPERVISOR_BACKEND_VALIDATE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "supervisor/backend/validate_fields.h"
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

// lifetime, lifetime_from, on_expiry, metadata, env, request_id, network.
absl::Status ValidateCreate(warren::v1::CreateSandboxRequest& request);
// code, timeout, max_output_bytes (0 is for the sandbox's limit to say), env, store_history,
// user_expressions, allow_stdin, request_id, on_disconnect.
absl::Status ValidateExecute(warren::v1::ExecuteCodeRequest& request);
// after_sequence, on_disconnect.
// script, arguments, timeout, language, standard_input, env, working_directory, max_output_bytes,
// user, request_id, on_disconnect. Afterwards working_directory and path are absolute, and what has
// a default says something, but for max_output_bytes.
absl::Status ValidateRunScript(warren::v1::RunScriptRequest& request);
absl::Status ValidateConnect(const warren::v1::ConnectExecutionRequest& request);
// language (but for whether the template has it), working_directory, env, request_id.
absl::Status ValidateCreateContext(warren::v1::CreateContextRequest& request);
// lifetime, which has no default here; lifetime_from and on_expiry, which stay as they were.
absl::Status ValidateLifetime(warren::v1::SetSandboxLifetimeRequest& request);
// lifetime.
absl::Status ValidateResume(const warren::v1::ResumeSandboxRequest& request);
// network. Whether there is its preset is the backend's to check.
absl::Status ValidateSetNetwork(const warren::v1::SetSandboxNetworkRequest& request);
// Of SandboxHandle::ConnectPort.
absl::Status ValidatePort(uint32_t port);
// page_size, metadata, states, template_id, created_after.
absl::Status ValidateList(warren::v1::ListSandboxesRequest& request);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_VALIDATE_H_
