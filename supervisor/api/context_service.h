#ifndef WARREN_SUPERVISOR_API_CONTEXT_SERVICE_H_
#define WARREN_SUPERVISOR_API_CONTEXT_SERVICE_H_

#include <string>

#include "supervisor/api/callers.h"
#include "supervisor/api/unary_call.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/execution.grpc.pb.h"

namespace warren {

// warren.v1.ContextService. Thread-safe; what it is given outlives it.
class ContextService final : public v1::ContextService::WithRawCallbackMethod_CreateContext<
                                 v1::ContextService::WithRawCallbackMethod_ListContexts<
                                     v1::ContextService::WithRawCallbackMethod_DeleteContext<
                                         v1::ContextService::WithRawCallbackMethod_RestartContext<
                                             v1::ContextService::Service>>>> {
 public:
  ContextService(const Callers& callers, Backend& backend) : callers_(callers), backend_(backend) {}

  grpc::ServerUnaryReactor* CreateContext(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListContexts(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteContext(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RestartContext(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  void Create(SandboxHandle& sandbox, const Call& call, const v1::CreateContextRequest& request,
              UnaryCall<v1::Context>& unary);
  // Deletes a context that nobody has heard of: it would count all the same.
  void Forget(const Call& call, const std::string& sandbox_id, const std::string& context_id);

  const Callers& callers_;
  Backend& backend_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_CONTEXT_SERVICE_H_
