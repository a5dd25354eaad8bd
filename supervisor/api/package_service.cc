#include "supervisor/api/package_service.h"

#include <memory>
#include <utility>

#include "supervisor/api/sink_stream.h"
#include "supervisor/api/unary_call.h"
#include "supervisor/backend/package_queue.h"

namespace warren {

grpc::ServerWriteReactor<grpc::ByteBuffer>* PackageService::InstallPackage(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<InstallQueue, v1::InstallPackageRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, v1::InstallPackageRequest what,
         std::shared_ptr<InstallQueue> queue) {
        return sandbox.Install(call, std::move(what), std::move(queue));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* PackageService::PrefetchPackages(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return Stream<InstallQueue, v1::PrefetchPackagesRequest>(
      callers_, streams_, context, request,
      [this](const Call& call, v1::PrefetchPackagesRequest what,
             const std::shared_ptr<InstallQueue>& queue) {
        queue->Attach(backend_.Prefetch(call, std::move(what), queue));
      });
}

grpc::ServerUnaryReactor* PackageService::ListStoredPackages(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return Unary<v1::ListStoredPackagesRequest, v1::ListStoredPackagesResponse>(
      callers_, context, request, response, [this](const Call& call, const auto&, auto& unary) {
        backend_.ListPackages(call, unary.reply());
      });
}

grpc::ServerUnaryReactor* PackageService::PruneStoredPackages(grpc::CallbackServerContext* context,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  return Unary<v1::PruneStoredPackagesRequest, v1::PruneStoredPackagesResponse>(
      callers_, context, request, response,
      [this](const Call& call, const auto& what, auto& unary) {
        backend_.PrunePackages(call, what, unary.reply());
      });
}

grpc::ServerUnaryReactor* PackageService::VerifyStoredPackages(grpc::CallbackServerContext* context,
                                                               const grpc::ByteBuffer* request,
                                                               grpc::ByteBuffer* response) {
  return Unary<v1::VerifyStoredPackagesRequest, v1::VerifyStoredPackagesResponse>(
      callers_, context, request, response, [this](const Call& call, const auto&, auto& unary) {
        backend_.VerifyPackages(call, unary.reply());
      });
}

}  // namespace warren
