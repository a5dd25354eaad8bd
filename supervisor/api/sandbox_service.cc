#include "supervisor/api/sandbox_service.h"

#include <memory>

#include "supervisor/api/reply.h"

namespace warren {
namespace {

// A create; the client's disappearance takes it back.
class CreateReactor final : public grpc::ServerUnaryReactor {
 public:
  CreateReactor(Backend& backend, const warren::v1::CreateSandboxRequest& request,
                warren::v1::Sandbox* response)
      : operation_(backend.Create(Call(), request, Answer(this, response))) {}
  void OnCancel() override { operation_->Cancel(); }
  void OnDone() override { delete this; }

 private:
  const std::unique_ptr<Operation> operation_;
};

}  // namespace

grpc::ServerUnaryReactor* SandboxService::CreateSandbox(
    grpc::CallbackServerContext*, const warren::v1::CreateSandboxRequest* request,
    warren::v1::Sandbox* response) {
  return new CreateReactor(backend_, *request, response);
}

grpc::ServerUnaryReactor* SandboxService::GetSandbox(grpc::CallbackServerContext* context,
                                                     const warren::v1::GetSandboxRequest* request,
                                                     warren::v1::Sandbox* response) {
  return WithSandbox(context, backend_, request->sandbox_id(),
                     [=](SandboxHandle& sandbox, grpc::ServerUnaryReactor* reactor) {
                       sandbox.Get(Call(), Answer(reactor, response));
                     });
}

grpc::ServerUnaryReactor* SandboxService::ListSandboxes(
    grpc::CallbackServerContext* context, const warren::v1::ListSandboxesRequest* request,
    warren::v1::ListSandboxesResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  backend_.List(Call(), *request, Answer(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* SandboxService::DestroySandbox(
    grpc::CallbackServerContext* context, const warren::v1::DestroySandboxRequest* request,
    warren::v1::DestroySandboxResponse* response) {
  return WithSandbox(context, backend_, request->sandbox_id(),
                     [=](SandboxHandle& sandbox, grpc::ServerUnaryReactor* reactor) {
                       sandbox.Destroy(Call(), Answer(reactor, response));
                     });
}

grpc::ServerUnaryReactor* SandboxService::SetSandboxLifetime(
    grpc::CallbackServerContext* context, const warren::v1::SetSandboxLifetimeRequest* request,
    warren::v1::Sandbox* response) {
  return WithSandbox(context, backend_, request->sandbox_id(),
                     [=](SandboxHandle& sandbox, grpc::ServerUnaryReactor* reactor) {
                       sandbox.SetLifetime(Call(), *request, Answer(reactor, response));
                     });
}

grpc::ServerUnaryReactor* SandboxService::PauseSandbox(grpc::CallbackServerContext* context,
                                                       const warren::v1::PauseSandboxRequest*,
                                                       warren::v1::Sandbox*) {
  return Finish(context, NotBuilt("PauseSandbox"));
}

grpc::ServerUnaryReactor* SandboxService::ResumeSandbox(grpc::CallbackServerContext* context,
                                                        const warren::v1::ResumeSandboxRequest*,
                                                        warren::v1::Sandbox*) {
  return Finish(context, NotBuilt("ResumeSandbox"));
}

}  // namespace warren
