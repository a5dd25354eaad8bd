#ifndef WARREN_SUPERVISOR_SERVICE_SERVICE_H_
#define WARREN_SUPERVISOR_SERVICE_SERVICE_H_

#include <memory>
#include <string>

#include "supervisor/backend/backend.h"
#include "supervisor/service/create_once.h"

namespace warren {

// What stands between the doors and a backend, and is the same for every backend: that a create
// with a request id happens once, and that the store of packages and the list of backends are the
// operator's (a tenant is PERMISSION_DENIED). Handles are the backend's own, so that a cell goes no
// further way.
//
// Thread-safe; the backend outlives it. Lifecycle: constructor, before the backend's first request
// → requests → destruction after the last reply.
class Service final : public Backend {
 public:
  explicit Service(Backend& backend);

  absl::Status health() const override { return backend_.health(); }
  void Probe(const Call& call, Reply<ProbeAnswer> reply) override {
    backend_.Probe(call, std::move(reply));
  }
  void ListBackends(const Call& call, const warren::v1::ListBackendsRequest& request,
                    Reply<warren::v1::ListBackendsResponse> reply) override;
  std::unique_ptr<Operation> Create(const Call& call,
                                    const warren::v1::CreateSandboxRequest& request,
                                    Reply<warren::v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override {
    backend_.Open(call, sandbox_id, std::move(reply));
  }
  void List(const Call& call, const warren::v1::ListSandboxesRequest& request,
            Reply<warren::v1::ListSandboxesResponse> reply) override {
    backend_.List(call, request, std::move(reply));
  }
  void ListTemplates(const Call& call, Reply<warren::v1::ListTemplatesResponse> reply) override {
    backend_.ListTemplates(call, std::move(reply));
  }
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<warren::v1::Environment> reply) override {
    backend_.GetEnvironment(call, template_id, std::move(reply));
  }
  std::unique_ptr<Operation> Prefetch(const Call& call, warren::v1::PrefetchPackagesRequest request,
                                      std::shared_ptr<InstallSink> sink) override;
  void ListPackages(const Call& call, Reply<warren::v1::ListStoredPackagesResponse> reply) override;
  void PrunePackages(const Call& call, const warren::v1::PruneStoredPackagesRequest& request,
                     Reply<warren::v1::PruneStoredPackagesResponse> reply) override;
  void VerifyPackages(const Call& call,
                      Reply<warren::v1::VerifyStoredPackagesResponse> reply) override;

 private:
  Backend& backend_;
  // Its operations and the backend's replies hold it too.
  const std::shared_ptr<CreateOnce> creates_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SERVICE_SERVICE_H_
