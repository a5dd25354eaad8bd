#ifndef WARREN_SUPERVISOR_REMOTE_REMOTE_BACKEND_H_
#define WARREN_SUPERVISOR_REMOTE_REMOTE_BACKEND_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "supervisor/backend/backend.h"
#include "supervisor/remote/stubs.h"

namespace warren {

// Another Warren, over its gRPC door. It decides what is valid; deadlines and cancellations go with
// the calls; a connection that cannot be made or breaks is UNAVAILABLE. Nothing is repeated: what a
// broken connection did before it broke is not known, and an execution must not run twice.
//
// It is the other one's operator, and says with each call for which tenant it is: there that is
// enforced. So it needs a socket at which no key is asked for.
//
// Open asks nobody, so that no call costs a second way there and back: a handle of what there is
// not says NOT_FOUND when it is used.
//
// Thread-safe. Its handles and operations may outlive it.
class RemoteBackend final : public Backend {
 public:
  // A gRPC target, "unix:///PATH" or "HOST:PORT". Connects at the first call.
  static std::unique_ptr<RemoteBackend> Connect(const std::string& target);

  // UNAVAILABLE while no connection can be made.
  absl::Status health() const override;
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;
  std::unique_ptr<Operation> Prefetch(const Call& call, v1::PrefetchPackagesRequest request,
                                      std::shared_ptr<InstallSink> sink) override;
  void ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) override;
  void PrunePackages(const Call& call, const v1::PruneStoredPackagesRequest& what,
                     Reply<v1::PruneStoredPackagesResponse> reply) override;
  void VerifyPackages(const Call& call, Reply<v1::VerifyStoredPackagesResponse> reply) override;

 private:
  explicit RemoteBackend(std::shared_ptr<grpc::Channel> channel);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<const RemoteStubs> stubs_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_BACKEND_H_
