#include "supervisor/api/info_services.h"

#include "supervisor/api/reply.h"

namespace warren {

grpc::ServerUnaryReactor* TemplateService::ListTemplates(
    grpc::CallbackServerContext* context, const warren::v1::ListTemplatesRequest*,
    warren::v1::ListTemplatesResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  backend_.ListTemplates(Call(), Answer(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* EnvironmentService::GetEnvironment(
    grpc::CallbackServerContext* context, const warren::v1::GetEnvironmentRequest* request,
    warren::v1::Environment* response) {
  if (request->sandbox_id().empty() == request->template_id().empty()) {
    return Finish(context, absl::InvalidArgumentError("name either a sandbox_id or a template_id"));
  }
  if (!request->sandbox_id().empty()) {
    return WithSandbox(context, backend_, request->sandbox_id(),
                       [=](SandboxHandle& sandbox, grpc::ServerUnaryReactor* reactor) {
                         sandbox.GetEnvironment(Call(), Answer(reactor, response));
                       });
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  backend_.GetEnvironment(Call(), request->template_id(), Answer(reactor, response));
  return reactor;
}

}  // namespace warren
