#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_ERROR_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_ERROR_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// What a transfer was about.
struct TransferSubject {
  std::shared_ptr<SandboxHandle> handle;
  // Absolute.
  std::string path;
  std::string user;
  enum class Way { kDownload, kUpload } way = Way::kDownload;
};

// Answers with what became of it, in E2B's codes: 502 where the sandbox is gone, 404 where the file
// is not there, 400 where it is none (a directory), 507 where an upload found no room. The last is
// RESOURCE_EXHAUSTED to the backend, as too many open files are: the message tells which.
Async<void> AnswerTransferError(Exchange& exchange, TransferSubject subject, absl::Status status);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_ERROR_H_
