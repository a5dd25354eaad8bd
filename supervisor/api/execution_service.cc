#include "supervisor/api/execution_service.h"

#include <memory>
#include <utility>

#include "supervisor/api/execution_stream.h"
#include "supervisor/api/unary_call.h"

namespace warren {
namespace {

// Parses a request and streams what `method(handle, call, request, sink)` starts.
template <class Request, class Method>
grpc::ServerWriteReactor<grpc::ByteBuffer>* Stream(Backend& backend, MemoryBudget& memory,
                                                   grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* bytes, Method method) {
  auto* stream = new ExecutionStream(context, memory);
  Request request;
  if (absl::Status valid = Parse(*bytes, request); !valid.ok()) {
    stream->queue()->End(valid);
    return stream;
  }
  // The queue, not the stream: that may have gone with the last event before Execute returns.
  OpenSandbox(
      backend, MakeCall(*context), std::move(request),
      [method, queue = stream->queue()](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle,
                                        const Call& call, Request what) {
        if (!handle.ok()) return queue->End(handle.status());
        queue->Attach(method(**handle, call, std::move(what), queue));
      });
  return stream;
}

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* ExecutionService::ExecuteCode(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return Stream<v1::ExecuteCodeRequest>(
      backend_, memory_, context, request,
      [](SandboxHandle& sandbox, const Call& call, v1::ExecuteCodeRequest what,
         std::shared_ptr<EventQueue> queue) {
        return sandbox.Execute(call, std::move(what), std::move(queue));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ExecutionService::RunScript(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return Stream<v1::RunScriptRequest>(
      backend_, memory_, context, request,
      [](SandboxHandle& sandbox, const Call& call, v1::RunScriptRequest what,
         std::shared_ptr<EventQueue> queue) {
        return sandbox.RunScript(call, std::move(what), std::move(queue));
      });
}

grpc::ServerUnaryReactor* ExecutionService::InterruptExecution(grpc::CallbackServerContext* context,
                                                               const grpc::ByteBuffer* request,
                                                               grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::InterruptExecutionRequest, v1::InterruptExecutionResponse>(
      backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.Interrupt(call, what.context_id(), std::move(reply));
      });
}

}  // namespace warren
