#include "supervisor/api/execution_service.h"

#include <memory>
#include <utility>

#include "supervisor/api/sink_stream.h"
#include "supervisor/api/unary_call.h"
#include "supervisor/backend/event_queue.h"

namespace warren {
grpc::ServerWriteReactor<grpc::ByteBuffer>* ExecutionService::ExecuteCode(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<EventQueue, v1::ExecuteCodeRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, v1::ExecuteCodeRequest what,
         std::shared_ptr<EventQueue> queue) {
        return sandbox.Execute(call, std::move(what), std::move(queue));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ExecutionService::RunScript(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<EventQueue, v1::RunScriptRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, v1::RunScriptRequest what,
         std::shared_ptr<EventQueue> queue) {
        return sandbox.RunScript(call, std::move(what), std::move(queue));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ExecutionService::ConnectExecution(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<EventQueue, v1::ConnectExecutionRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, const v1::ConnectExecutionRequest& what,
         std::shared_ptr<EventQueue> queue) {
        return sandbox.Connect(call, what, std::move(queue));
      });
}

grpc::ServerUnaryReactor* ExecutionService::InterruptExecution(grpc::CallbackServerContext* context,
                                                               const grpc::ByteBuffer* request,
                                                               grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::InterruptExecutionRequest, v1::InterruptExecutionResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.Interrupt(call, what.context_id(), std::move(reply));
      });
}

}  // namespace warren
