#include <memory>
#include <utility>

#include "supervisor/backend/file_queue.h"
#include "supervisor/remote/remote_call.h"
#include "supervisor/remote/remote_sandbox.h"
#include "supervisor/remote/remote_stream.h"
#include "supervisor/remote/remote_upload.h"

// The files of a sandbox of another Warren.
namespace warren {
namespace {

class RemoteUploadOperation final : public Upload {
 public:
  explicit RemoteUploadOperation(std::shared_ptr<RemoteUpload> upload)
      : upload_(std::move(upload)) {}
  void Resume() override {}
  void Cancel() override { upload_->Cancel(); }
  Flow Write(std::string data) override { return upload_->Write(std::move(data)); }
  void Close() override { upload_->Close(); }

 private:
  const std::shared_ptr<RemoteUpload> upload_;
};

}  // namespace

std::unique_ptr<Operation> RemoteSandbox::ReadFile(
    const Call& call, const v1::ReadFileRequest& what,
    std::shared_ptr<Sink<v1::ReadFileResponse>> sink) {
  v1::ReadFileRequest request = what;
  request.set_sandbox_id(id_);
  return StartStream<v1::ReadFileResponse>(
      stubs_, call, std::move(sink), RemoteLife::kEndsWithClient,
      [&](grpc::ClientContext* context, auto* reactor) {
        stubs_->files->async()->ReadFile(context, &request, reactor);
      });
}

std::unique_ptr<Operation> RemoteSandbox::ListDirectory(const Call& call,
                                                        const v1::ListDirectoryRequest& what,
                                                        std::shared_ptr<Sink<v1::FileEntry>> sink) {
  v1::ListDirectoryRequest request = what;
  request.set_sandbox_id(id_);
  return StartStream<v1::FileEntry>(stubs_, call, std::move(sink), RemoteLife::kEndsWithClient,
                                    [&](grpc::ClientContext* context, auto* reactor) {
                                      stubs_->files->async()->ListDirectory(context, &request,
                                                                            reactor);
                                    });
}

std::unique_ptr<Operation> RemoteSandbox::WatchDirectory(
    const Call& call, const v1::WatchDirectoryRequest& what,
    std::shared_ptr<Sink<v1::FileEvent>> sink) {
  v1::WatchDirectoryRequest request = what;
  request.set_sandbox_id(id_);
  return StartStream<v1::FileEvent>(stubs_, call, std::move(sink), RemoteLife::kEndsWithClient,
                                    [&](grpc::ClientContext* context, auto* reactor) {
                                      stubs_->files->async()->WatchDirectory(context, &request,
                                                                             reactor);
                                    });
}

std::unique_ptr<Upload> RemoteSandbox::WriteFile(const Call& call,
                                                 const v1::WriteFileRequest::Header& what,
                                                 absl::AnyInvocable<void()> on_room,
                                                 Reply<v1::WriteFileResponse> reply) {
  v1::WriteFileRequest::Header header = what;
  header.set_sandbox_id(id_);
  auto upload = std::make_shared<RemoteUpload>(stubs_, std::move(on_room), std::move(reply));
  upload->Begin(call, std::move(header));
  return std::make_unique<RemoteUploadOperation>(std::move(upload));
}

void RemoteSandbox::StatFile(const Call& call, const v1::StatFileRequest& what,
                             Reply<v1::FileEntry> reply) {
  v1::StatFileRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::FileEntry>(stubs_, call, std::move(request), std::move(reply),
                           [this](auto... to) { stubs_->files->async()->StatFile(to...); });
}

void RemoteSandbox::MakeDirectory(const Call& call, const v1::MakeDirectoryRequest& what,
                                  Reply<v1::FileEntry> reply) {
  v1::MakeDirectoryRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::FileEntry>(stubs_, call, std::move(request), std::move(reply),
                           [this](auto... to) { stubs_->files->async()->MakeDirectory(to...); });
}

void RemoteSandbox::MoveFile(const Call& call, const v1::MoveFileRequest& what,
                             Reply<v1::FileEntry> reply) {
  v1::MoveFileRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::FileEntry>(stubs_, call, std::move(request), std::move(reply),
                           [this](auto... to) { stubs_->files->async()->MoveFile(to...); });
}

void RemoteSandbox::RemoveFile(const Call& call, const v1::RemoveFileRequest& what,
                               Reply<v1::RemoveFileResponse> reply) {
  v1::RemoveFileRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::RemoveFileResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->files->async()->RemoveFile(to...); });
}

}  // namespace warren
