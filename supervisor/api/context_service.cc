#include "supervisor/api/context_service.h"

#include <utility>

#include "supervisor/api/unary_call.h"

namespace warren {

grpc::ServerUnaryReactor* ContextService::CreateContext(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return Unary<v1::CreateContextRequest, v1::Context>(
      callers_, context, request, response,
      [this](const Call& call, v1::CreateContextRequest what, UnaryCall<v1::Context>& unary) {
        OpenSandbox(backend_, call, std::move(what),
                    [this, &unary](const absl::StatusOr<std::shared_ptr<SandboxHandle>>& handle,
                                   const Call& opened, const v1::CreateContextRequest& opening) {
                      if (!handle.ok()) return unary.Answer(handle.status());
                      Create(**handle, opened, opening, unary);
                    });
      });
}

void ContextService::Create(SandboxHandle& sandbox, const Call& call,
                            const v1::CreateContextRequest& request,
                            UnaryCall<v1::Context>& unary) {
  auto reply = [this, &unary, call, named = !request.request_id().empty(),
                sandbox_id = request.sandbox_id()](const absl::StatusOr<v1::Context>& made) {
    if (made.ok() && !named) {
      unary.IfUnheard([this, call, sandbox_id, context_id = made->context_id()] {
        Forget(call, sandbox_id, context_id);
      });
    }
    unary.Answer(made);
  };
  sandbox.CreateContext(call, request, std::move(reply));
}

void ContextService::Forget(const Call& call, const std::string& sandbox_id,
                            const std::string& context_id) {
  v1::DeleteContextRequest request;
  request.set_sandbox_id(sandbox_id);
  request.set_context_id(context_id);
  OpenSandbox(backend_, call, std::move(request),
              [](const absl::StatusOr<std::shared_ptr<SandboxHandle>>& handle, const Call& opened,
                 const v1::DeleteContextRequest& what) {
                if (handle.ok()) {
                  (*handle)->DeleteContext(opened, what.context_id(),
                                           [](const absl::StatusOr<v1::DeleteContextResponse>&) {});
                }
              });
}

grpc::ServerUnaryReactor* ContextService::ListContexts(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::ListContextsRequest, v1::ListContextsResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto&, auto reply) {
        sandbox.ListContexts(call, std::move(reply));
      });
}

grpc::ServerUnaryReactor* ContextService::DeleteContext(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::DeleteContextRequest, v1::DeleteContextResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.DeleteContext(call, what.context_id(), std::move(reply));
      });
}

grpc::ServerUnaryReactor* ContextService::RestartContext(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::RestartContextRequest, v1::Context>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.RestartContext(call, what.context_id(), std::move(reply));
      });
}

}  // namespace warren
