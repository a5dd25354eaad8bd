#ifndef WARREN_SUPERVISOR_API_UPLOAD_STREAM_H_
#define WARREN_SUPERVISOR_API_UPLOAD_STREAM_H_

#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "runtime/base/mutex.h"
#include "supervisor/api/callers.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/file.pb.h"

namespace warren {

// A file on its way from a client into a sandbox: the header, data as long as the backend has room
// for it, the end, and the answer. The backend's answer ends it, whatever the client still sends;
// the client's disappearance cancels the upload, which is answered all the same. Deletes itself
// behind the answer.
class UploadStream final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  // One of `streams`, which outlive it.
  UploadStream(const Callers& callers, Backend& backend, OpenStreams& streams,
               grpc::CallbackServerContext* context, grpc::ByteBuffer* response)
      : open_(streams),
        callers_(callers),
        backend_(backend),
        context_(context),
        response_(response) {}

  // Once; it asks who calls, and reads from here on.
  void Start();

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  void OnHeader(const v1::WriteFileRequest& request);
  void OnOpened(const absl::StatusOr<std::shared_ptr<SandboxHandle>>& handle, const Call& call,
                const v1::WriteFileRequest::Header& header);
  void OnMore(v1::WriteFileRequest request, Upload& upload);
  void OnRoom();
  // The client broke the contract: the upload ends, and with this.
  void Refuse(absl::Status why);
  void OnAnswer(absl::StatusOr<v1::WriteFileResponse> answer);
  void Answer(const absl::StatusOr<v1::WriteFileResponse>& answer);

  // The last to go.
  const OpenStreams::Stream open_;
  const Callers& callers_;
  Backend& backend_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const response_;
  grpc::ByteBuffer message_;
  // Once it has started.
  Call call_;

  Mutex mu_;
  // The backend is being asked: what it answers waits, for the answer is the end of this.
  bool opening_ ABSL_GUARDED_BY(mu_) = true;
  std::optional<absl::StatusOr<v1::WriteFileResponse>> early_answer_ ABSL_GUARDED_BY(mu_);
  // Once the backend was asked.
  std::shared_ptr<Upload> upload_ ABSL_GUARDED_BY(mu_);
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  // Instead of the backend's answer.
  absl::Status refused_ ABSL_GUARDED_BY(mu_);
  // No read is under way: the backend has no room.
  bool paused_ ABSL_GUARDED_BY(mu_) = false;
  // There was room again before the pause began.
  bool room_ ABSL_GUARDED_BY(mu_) = false;
  bool answered_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_UPLOAD_STREAM_H_
