#ifndef WARREN_SUPERVISOR_API_SANDBOX_SERVICE_H_
#define WARREN_SUPERVISOR_API_SANDBOX_SERVICE_H_

#include "supervisor/local/local_backend.h"
#include "warren/v1/sandbox.grpc.pb.h"

namespace warren {

// warren.v1.SandboxService. Thread-safe; the backend outlives it.
class SandboxService final : public warren::v1::SandboxService::CallbackService {
 public:
  explicit SandboxService(LocalBackend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* CreateSandbox(grpc::CallbackServerContext* context,
                                          const warren::v1::CreateSandboxRequest* request,
                                          warren::v1::Sandbox* response) override;
  grpc::ServerUnaryReactor* GetSandbox(grpc::CallbackServerContext* context,
                                       const warren::v1::GetSandboxRequest* request,
                                       warren::v1::Sandbox* response) override;
  grpc::ServerUnaryReactor* ListSandboxes(grpc::CallbackServerContext* context,
                                          const warren::v1::ListSandboxesRequest* request,
                                          warren::v1::ListSandboxesResponse* response) override;
  grpc::ServerUnaryReactor* DestroySandbox(grpc::CallbackServerContext* context,
                                           const warren::v1::DestroySandboxRequest* request,
                                           warren::v1::DestroySandboxResponse* response) override;
  grpc::ServerUnaryReactor* SetSandboxLifetime(grpc::CallbackServerContext* context,
                                               const warren::v1::SetSandboxLifetimeRequest* request,
                                               warren::v1::Sandbox* response) override;
  grpc::ServerUnaryReactor* PauseSandbox(grpc::CallbackServerContext* context,
                                         const warren::v1::PauseSandboxRequest* request,
                                         warren::v1::Sandbox* response) override;
  grpc::ServerUnaryReactor* ResumeSandbox(grpc::CallbackServerContext* context,
                                          const warren::v1::ResumeSandboxRequest* request,
                                          warren::v1::Sandbox* response) override;

 private:
  LocalBackend& backend_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_SANDBOX_SERVICE_H_
