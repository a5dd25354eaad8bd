#ifndef WARREN_SUPERVISOR_API_SANDBOX_SERVICE_H_
#define WARREN_SUPERVISOR_API_SANDBOX_SERVICE_H_

#include "supervisor/api/callers.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/sandbox.grpc.pb.h"

namespace warren {

// warren.v1.SandboxService. Thread-safe; what it is given outlives it.
class SandboxService final
    : public v1::SandboxService::WithRawCallbackMethod_CreateSandbox<
          v1::SandboxService::WithRawCallbackMethod_GetSandbox<
              v1::SandboxService::WithRawCallbackMethod_ListSandboxes<
                  v1::SandboxService::WithRawCallbackMethod_DestroySandbox<
                      v1::SandboxService::WithRawCallbackMethod_SetSandboxLifetime<
                          v1::SandboxService::WithRawCallbackMethod_PauseSandbox<
                              v1::SandboxService::WithRawCallbackMethod_ResumeSandbox<
                                  v1::SandboxService::WithRawCallbackMethod_ChangeSandboxLimits<
                                      v1::SandboxService::WithRawCallbackMethod_GetSandboxMetrics<
                                          v1::SandboxService::
                                              WithRawCallbackMethod_SetSandboxNetwork<
                                                  v1::SandboxService::
                                                      WithRawCallbackMethod_WatchSandboxNetwork<
                                                          v1::SandboxService::Service>>>>>>>>>>> {
 public:
  // Streams are of `streams`, which outlive it.
  SandboxService(const Callers& callers, Backend& backend, OpenStreams& streams)
      : callers_(callers), backend_(backend), streams_(streams) {}

  grpc::ServerUnaryReactor* CreateSandbox(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSandbox(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListSandboxes(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DestroySandbox(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SetSandboxLifetime(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* PauseSandbox(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ResumeSandbox(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ChangeSandboxLimits(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSandboxMetrics(grpc::CallbackServerContext* context,
                                              const grpc::ByteBuffer* request,
                                              grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SetSandboxNetwork(grpc::CallbackServerContext* context,
                                              const grpc::ByteBuffer* request,
                                              grpc::ByteBuffer* response) override;
  // Its headers come as soon as the backend watches, before anything has happened.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchSandboxNetwork(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;

 private:
  // One whose client went before it had heard of it.
  void Remove(const Principal& who, const std::string& sandbox_id);

  const Callers& callers_;
  Backend& backend_;
  OpenStreams& streams_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_SANDBOX_SERVICE_H_
