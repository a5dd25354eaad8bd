#include "supervisor/service/service.h"

#include <utility>

namespace warren {

Service::Service(Backend& backend)
    : backend_(backend), creates_(std::make_shared<CreateOnce>(backend)) {
  backend_.OnForgotten(
      [creates = creates_](const std::string& sandbox_id) { creates->Forget(sandbox_id); });
}

std::unique_ptr<Operation> Service::Create(const Call& call,
                                           const warren::v1::CreateSandboxRequest& request,
                                           Reply<warren::v1::Sandbox> reply) {
  if (request.request_id().empty()) return backend_.Create(call, request, std::move(reply));
  return creates_->Create(call, request, std::move(reply));
}

}  // namespace warren
