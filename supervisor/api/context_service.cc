#include "supervisor/api/context_service.h"

#include <utility>

#include "supervisor/api/unary_call.h"

namespace warren {

grpc::ServerUnaryReactor* ContextService::CreateContext(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::CreateContextRequest, v1::Context>(
      backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.CreateContext(call, what, std::move(reply));
      });
}

grpc::ServerUnaryReactor* ContextService::ListContexts(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::ListContextsRequest, v1::ListContextsResponse>(
      backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto&, auto reply) {
        sandbox.ListContexts(call, std::move(reply));
      });
}

grpc::ServerUnaryReactor* ContextService::DeleteContext(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::DeleteContextRequest, v1::DeleteContextResponse>(
      backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.DeleteContext(call, what.context_id(), std::move(reply));
      });
}

grpc::ServerUnaryReactor* ContextService::RestartContext(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::RestartContextRequest, v1::Context>(
      backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.RestartContext(call, what.context_id(), std::move(reply));
      });
}

}  // namespace warren
