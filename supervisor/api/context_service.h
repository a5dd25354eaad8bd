#ifndef WARREN_SUPERVISOR_API_CONTEXT_SERVICE_H_
#define WARREN_SUPERVISOR_API_CONTEXT_SERVICE_H_

#include "supervisor/backend/backend.h"
#include "warren/v1/execution.grpc.pb.h"

namespace warren {

// warren.v1.ContextService. Thread-safe; the backend outlives it.
class ContextService final : public v1::ContextService::WithRawCallbackMethod_CreateContext<
                                 v1::ContextService::WithRawCallbackMethod_ListContexts<
                                     v1::ContextService::WithRawCallbackMethod_DeleteContext<
                                         v1::ContextService::WithRawCallbackMethod_RestartContext<
                                             v1::ContextService::Service>>>> {
 public:
  explicit ContextService(Backend& backend) : backend_(backend) {}

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
  Backend& backend_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_CONTEXT_SERVICE_H_
