#ifndef WARREN_SUPERVISOR_API_PACKAGE_SERVICE_H_
#define WARREN_SUPERVISOR_API_PACKAGE_SERVICE_H_

#include "supervisor/api/callers.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/package.grpc.pb.h"

namespace warren {

// warren.v1.PackageService. Thread-safe; what it is given outlives it.
class PackageService final
    : public v1::PackageService::WithRawCallbackMethod_InstallPackage<
          v1::PackageService::WithRawCallbackMethod_PrefetchPackages<
              v1::PackageService::WithRawCallbackMethod_ListStoredPackages<
                  v1::PackageService::WithRawCallbackMethod_PruneStoredPackages<
                      v1::PackageService::WithRawCallbackMethod_VerifyStoredPackages<
                          v1::PackageService::Service>>>>> {
 public:
  PackageService(const Callers& callers, Backend& backend, OpenStreams& streams)
      : callers_(callers), backend_(backend), streams_(streams) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* InstallPackage(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* PrefetchPackages(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* ListStoredPackages(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* PruneStoredPackages(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* VerifyStoredPackages(grpc::CallbackServerContext* context,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) override;

 private:
  const Callers& callers_;
  Backend& backend_;
  OpenStreams& streams_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_PACKAGE_SERVICE_H_
