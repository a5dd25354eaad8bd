#include "supervisor/api/file_service.h"

#include <memory>
#include <utility>

#include "supervisor/api/sink_stream.h"
#include "supervisor/api/unary_call.h"
#include "supervisor/api/upload_stream.h"
#include "supervisor/backend/file_queue.h"

namespace warren {

grpc::ServerWriteReactor<grpc::ByteBuffer>* FileService::ReadFile(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<FileDataQueue, v1::ReadFileRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, const v1::ReadFileRequest& what,
         std::shared_ptr<FileDataQueue> queue) {
        return sandbox.ReadFile(call, what, std::move(queue));
      });
}

grpc::ServerReadReactor<grpc::ByteBuffer>* FileService::WriteFile(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* response) {
  auto* stream = new UploadStream(callers_, backend_, streams_, context, response);
  stream->Start();
  return stream;
}

grpc::ServerUnaryReactor* FileService::StatFile(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::StatFileRequest, v1::FileEntry>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.StatFile(call, what, std::move(reply));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* FileService::ListDirectory(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<FileEntryQueue, v1::ListDirectoryRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, const v1::ListDirectoryRequest& what,
         std::shared_ptr<FileEntryQueue> queue) {
        return sandbox.ListDirectory(call, what, std::move(queue));
      });
}

grpc::ServerUnaryReactor* FileService::MakeDirectory(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::MakeDirectoryRequest, v1::FileEntry>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.MakeDirectory(call, what, std::move(reply));
      });
}

grpc::ServerUnaryReactor* FileService::MoveFile(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::MoveFileRequest, v1::FileEntry>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.MoveFile(call, what, std::move(reply));
      });
}

grpc::ServerUnaryReactor* FileService::RemoveFile(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::RemoveFileRequest, v1::RemoveFileResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.RemoveFile(call, what, std::move(reply));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* FileService::WatchDirectory(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<FileEventQueue, v1::WatchDirectoryRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, const v1::WatchDirectoryRequest& what,
         std::shared_ptr<FileEventQueue> queue) {
        return sandbox.WatchDirectory(call, what, std::move(queue));
      });
}

}  // namespace warren
