#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_WRITER_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_WRITER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "warren/v1/file.pb.h"

namespace warren {

// One file on its way from a request into a sandbox, at the sandbox's pace. Its destruction before
// Finish has answered cancels it: then there is no file, or the one that was there before.
//
// On the exchange's strand, which outlives it. Lifecycle: constructor → Write* → Finish.
class SandboxFileWriter {
 public:
  SandboxFileWriter(Exchange& exchange, SandboxHandle& handle,
                    const v1::WriteFileRequest::Header& header);
  ~SandboxFileWriter();
  SandboxFileWriter(const SandboxFileWriter&) = delete;
  SandboxFileWriter& operator=(const SandboxFileWriter&) = delete;

  // Comes back when there is room for more. False: the answer is there already, and says why, or
  // the client has gone; nothing more is taken.
  Async<bool> Write(std::string data);
  // The end of the file; or, where the answer is there already, that. CANCELLED: the client has
  // gone.
  Async<absl::StatusOr<v1::WriteFileResponse>> Finish();

 private:
  class Progress;

  Exchange& exchange_;
  // The backend's threads hold it too.
  const std::shared_ptr<Progress> progress_;
  const std::unique_ptr<Upload> upload_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_WRITER_H_
