#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_UPLOAD_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_UPLOAD_H_

#include <memory>
#include <string>

#include "supervisor/backend/backend.h"
#include "supervisor/gateway/envd/signature.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// Answers a POST that brings files: one as the body (application/octet-stream) to `query.path`, or
// those of a form's field "file" (multipart/form-data), each to its filename, or the one to
// `query.path`. X-Metadata-NAME headers become metadata of each.
//
// Each file is there whole or not at all; where one of several fails, those before it are there.
// `user` is the query's, checked. References outlive the task.
Async<void> ReceiveFiles(Exchange& exchange, std::shared_ptr<SandboxHandle> handle,
                         const FileQuery& query);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_UPLOAD_H_
