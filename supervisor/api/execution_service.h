#ifndef WARREN_SUPERVISOR_API_EXECUTION_SERVICE_H_
#define WARREN_SUPERVISOR_API_EXECUTION_SERVICE_H_

#include "supervisor/local/local_backend.h"
#include "warren/v1/execution.grpc.pb.h"

namespace warren {

// warren.v1.ExecutionService. Thread-safe; the backend outlives it.
class ExecutionService final : public warren::v1::ExecutionService::CallbackService {
 public:
  explicit ExecutionService(LocalBackend& backend) : backend_(backend) {}

  grpc::ServerWriteReactor<warren::v1::ExecutionEvent>* ExecuteCode(
      grpc::CallbackServerContext* context, const warren::v1::ExecuteCodeRequest* request) override;
  grpc::ServerUnaryReactor* InterruptExecution(
      grpc::CallbackServerContext* context, const warren::v1::InterruptExecutionRequest* request,
      warren::v1::InterruptExecutionResponse* response) override;
  grpc::ServerWriteReactor<warren::v1::ExecutionEvent>* RunScript(
      grpc::CallbackServerContext* context, const warren::v1::RunScriptRequest* request) override;

 private:
  LocalBackend& backend_;
};

// warren.v1.ContextService: a sandbox has one context so far. Thread-safe; the backend outlives it.
class ContextService final : public warren::v1::ContextService::CallbackService {
 public:
  explicit ContextService(LocalBackend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* ListContexts(grpc::CallbackServerContext* context,
                                         const warren::v1::ListContextsRequest* request,
                                         warren::v1::ListContextsResponse* response) override;
  grpc::ServerUnaryReactor* CreateContext(grpc::CallbackServerContext* context,
                                          const warren::v1::CreateContextRequest* request,
                                          warren::v1::Context* response) override;
  grpc::ServerUnaryReactor* DeleteContext(grpc::CallbackServerContext* context,
                                          const warren::v1::DeleteContextRequest* request,
                                          warren::v1::DeleteContextResponse* response) override;
  grpc::ServerUnaryReactor* RestartContext(grpc::CallbackServerContext* context,
                                           const warren::v1::RestartContextRequest* request,
                                           warren::v1::Context* response) override;

 private:
  LocalBackend& backend_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_EXECUTION_SERVICE_H_
