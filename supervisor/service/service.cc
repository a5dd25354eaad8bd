#include "supervisor/service/service.h"

#include <utility>

namespace warren {
namespace {

constexpr char kStoreIsOperators[] =
    "the store of packages is the server operator's, and a key stands for a tenant; a sandbox's "
    "packages are installed with InstallPackage";
constexpr char kListIsOperators[] =
    "the list of backends is the server operator's, and a key stands for a tenant; a sandbox says "
    "by itself which backend it lives on";

absl::Status CheckOperator(const Call& call, const char* otherwise = kStoreIsOperators) {
  if (call.who.is_operator()) return absl::OkStatus();
  return absl::PermissionDeniedError(otherwise);
}

class Refused final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

}  // namespace

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

void Service::ListBackends(const Call& call, const warren::v1::ListBackendsRequest& request,
                           Reply<warren::v1::ListBackendsResponse> reply) {
  if (absl::Status allowed = CheckOperator(call, kListIsOperators); !allowed.ok())
    return reply(std::move(allowed));
  backend_.ListBackends(call, request, std::move(reply));
}

std::unique_ptr<Operation> Service::Prefetch(const Call& call,
                                             warren::v1::PrefetchPackagesRequest request,
                                             std::shared_ptr<InstallSink> sink) {
  if (absl::Status allowed = CheckOperator(call); !allowed.ok()) {
    sink->End(std::move(allowed));
    return std::make_unique<Refused>();
  }
  return backend_.Prefetch(call, std::move(request), std::move(sink));
}

void Service::ListPackages(const Call& call, Reply<warren::v1::ListStoredPackagesResponse> reply) {
  if (absl::Status allowed = CheckOperator(call); !allowed.ok()) return reply(std::move(allowed));
  backend_.ListPackages(call, std::move(reply));
}

void Service::PrunePackages(const Call& call, const warren::v1::PruneStoredPackagesRequest& request,
                            Reply<warren::v1::PruneStoredPackagesResponse> reply) {
  if (absl::Status allowed = CheckOperator(call); !allowed.ok()) return reply(std::move(allowed));
  backend_.PrunePackages(call, request, std::move(reply));
}

void Service::VerifyPackages(const Call& call,
                             Reply<warren::v1::VerifyStoredPackagesResponse> reply) {
  if (absl::Status allowed = CheckOperator(call); !allowed.ok()) return reply(std::move(allowed));
  backend_.VerifyPackages(call, std::move(reply));
}

}  // namespace warren
