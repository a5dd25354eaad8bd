#include "supervisor/api/process_service.h"

#include <memory>
#include <utility>

#include "supervisor/api/sink_stream.h"
#include "supervisor/api/unary_call.h"
#include "supervisor/backend/process_queue.h"

namespace warren {

grpc::ServerWriteReactor<grpc::ByteBuffer>* ProcessService::StartProcess(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<ProcessQueue, v1::StartProcessRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, v1::StartProcessRequest what,
         std::shared_ptr<ProcessQueue> queue) {
        return sandbox.StartProcess(call, std::move(what), std::move(queue));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ProcessService::ConnectProcess(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<ProcessQueue, v1::ConnectProcessRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, const v1::ConnectProcessRequest& what,
         std::shared_ptr<ProcessQueue> queue) {
        return sandbox.ConnectProcess(call, what, std::move(queue));
      });
}

grpc::ServerUnaryReactor* ProcessService::ListProcesses(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::ListProcessesRequest, v1::ListProcessesResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto&, auto reply) {
        sandbox.ListProcesses(call, std::move(reply));
      });
}

grpc::ServerUnaryReactor* ProcessService::WriteProcessInput(grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* request,
                                                            grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::WriteProcessInputRequest, v1::WriteProcessInputResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, auto& what, auto reply) {
        sandbox.WriteInput(call, std::move(what), std::move(reply));
      });
}

grpc::ServerUnaryReactor* ProcessService::ResizeTerminal(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::ResizeTerminalRequest, v1::ResizeTerminalResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.ResizeTerminal(call, what, std::move(reply));
      });
}

grpc::ServerUnaryReactor* ProcessService::SignalProcess(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::SignalProcessRequest, v1::SignalProcessResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.SignalProcess(call, what, std::move(reply));
      });
}

}  // namespace warren
