#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_ERROR_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_ERROR_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/http/async.h"

// What a status of the backend's means in envd's words: its clients tell errors apart by their
// codes, and which code means what differs.
namespace warren {

// Of a question about `path`. UNAVAILABLE where the sandbox is gone, whatever was asked; NOT_FOUND
// else is the path's.
Async<absl::Status> ExplainPath(std::shared_ptr<SandboxHandle> handle, std::string path,
                                absl::Status status);

// The same where a directory was needed: INVALID_ARGUMENT where something else is there.
Async<absl::Status> ExplainDirectory(std::shared_ptr<SandboxHandle> handle, std::string user,
                                     std::string path, absl::Status status);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_ERROR_H_
