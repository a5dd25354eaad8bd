#include "supervisor/api/info_services.h"

#include <utility>

#include "supervisor/api/unary_call.h"

namespace warren {

grpc::ServerUnaryReactor* TemplateService::ListTemplates(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return Unary<v1::ListTemplatesRequest, v1::ListTemplatesResponse>(
      callers_, context, request, response, [this](const Call& call, const auto&, auto& unary) {
        backend_.ListTemplates(call, unary.reply());
      });
}

grpc::ServerUnaryReactor* BackendService::ListBackends(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  return Unary<v1::ListBackendsRequest, v1::ListBackendsResponse>(
      callers_, context, request, response,
      [this](const Call& call, const auto& what, auto& unary) {
        backend_.ListBackends(call, what, unary.reply());
      });
}

grpc::ServerUnaryReactor* EnvironmentService::GetEnvironment(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return Unary<v1::GetEnvironmentRequest, v1::Environment>(
      callers_, context, request, response,
      [this](Call call, auto what, UnaryCall<v1::Environment>& unary) {
        if (what.sandbox_id().empty() == what.template_id().empty()) {
          return unary.Answer(
              absl::InvalidArgumentError("name either a sandbox_id or a template_id"));
        }
        if (!what.template_id().empty()) {
          return backend_.GetEnvironment(call, what.template_id(), unary.reply());
        }
        OpenSandbox(backend_, call, std::move(what),
                    [&unary](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle,
                             const Call& opened, const auto&) {
                      if (!handle.ok()) return unary.Answer(handle.status());
                      (*handle)->GetEnvironment(opened, unary.reply());
                    });
      });
}

}  // namespace warren
