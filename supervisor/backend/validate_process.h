#ifndef WARREN_SUPERVISOR_BACKEND_VALIDATE_PROCESS_H_
#define WARREN_SUPERVISOR_BACKEND_VALIDATE_PROCESS_H_

#include "absl/status/status.h"
#include "warren/v1/process.pb.h"

// What the contract says about requests for processes, as validate.h for the others. What hangs on
// the sandbox (its profiles, its processes) is the backend's to check.
namespace warren {

// arguments, env, working_directory, timeout, terminal, user, max_output_bytes, on_disconnect,
// request_id. Afterwards working_directory is absolute, and on_disconnect says something.
absl::Status ValidateStartProcess(warren::v1::StartProcessRequest& request);
// on_disconnect.
absl::Status ValidateConnectProcess(const warren::v1::ConnectProcessRequest& request);
// data.
absl::Status ValidateWriteInput(const warren::v1::WriteProcessInputRequest& request);
// size.
absl::Status ValidateResize(const warren::v1::ResizeTerminalRequest& request);
// signal.
absl::Status ValidateSignal(const warren::v1::SignalProcessRequest& request);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_VALIDATE_PROCESS_H_
