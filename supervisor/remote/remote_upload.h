#ifndef WARREN_SUPERVISOR_REMOTE_REMOTE_UPLOAD_H_
#define WARREN_SUPERVISOR_REMOTE_REMOTE_UPLOAD_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/remote/stubs.h"

namespace warren {

// A file on its way to another Warren: one write at a time, as fast as that takes them.
// Lifecycle: Begin → Write* → Close → the reply, which also comes without either. Thread-safe.
class RemoteUpload final : public grpc::ClientWriteReactor<v1::WriteFileRequest>,
                           public std::enable_shared_from_this<RemoteUpload> {
 public:
  // With as much waiting, who writes is told to wait until half of it is gone.
  static constexpr size_t kMostWaiting = 1 << 20;

  RemoteUpload(std::shared_ptr<const RemoteStubs> stubs, absl::AnyInvocable<void()> on_room,
               Reply<v1::WriteFileResponse> reply)
      : stubs_(std::move(stubs)), on_room_(std::move(on_room)), reply_(std::move(reply)) {}

  void Begin(const Call& call, v1::WriteFileRequest::Header header);
  Flow Write(std::string data);
  // The end of the file.
  void Close();
  void Cancel();

  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void Enqueue(v1::WriteFileRequest request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The next write, where none is under way.
  void SendNext();

  const std::shared_ptr<const RemoteStubs> stubs_;
  grpc::ClientContext context_;
  v1::WriteFileResponse response_;
  absl::AnyInvocable<void()> on_room_;
  Reply<v1::WriteFileResponse> reply_;
  // While gRPC uses it.
  std::shared_ptr<RemoteUpload> self_;
  // The write that is under way.
  v1::WriteFileRequest request_;

  Mutex mu_;
  std::deque<v1::WriteFileRequest> waiting_ ABSL_GUARDED_BY(mu_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
  // The hold is given back: nothing is written any more.
  bool released_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_UPLOAD_H_
