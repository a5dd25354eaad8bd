#ifndef WARREN_SUPERVISOR_REMOTE_REMOTE_BACKEND_H_
#define WARREN_SUPERVISOR_REMOTE_REMOTE_BACKEND_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/channel.h"
#include "supervisor/backend/backend.h"
#include "supervisor/remote/stubs.h"

namespace warren {

struct RemoteTls {
  // PEM; empty: the system's.
  std::string authorities;
  // Expected in the certificate; empty: the host of the target.
  std::string server_name;
  // PEM of our own certificate and its key; both or none.
  std::string certificate;
  std::string key;
};

struct RemoteOptions {
  // A gRPC target, "unix:///PATH" or "HOST:PORT".
  std::string target;
  // Of the backend: what Sandbox.backend and Usage.backend tell.
  std::string name = "remote";
  // An API key of the other Warren's; empty for none.
  std::string key;
  std::optional<RemoteTls> tls;
  // Connections, over which handles are spread.
  int channels = 1;
};

// Another Warren, over its gRPC door. It decides what is valid; deadlines and cancellations go with
// the calls; a connection that cannot be made or breaks is UNAVAILABLE. Nothing is repeated: what a
// broken connection did before it broke is not known, and an execution must not run twice.
//
// It is the other one's operator, by its socket or by a key of its operator's, and says with each
// call for which tenant it is: there that is enforced. With a key of a tenant's it can serve nobody
// but the operator here.
//
// Open asks nobody, so that no call costs a second way there and back: a handle of what there is
// not says NOT_FOUND when it is used.
//
// Thread-safe. Its handles and operations may outlive it.
class RemoteBackend final : public Backend {
 public:
  // Connects at the first call, for which a second may go by.
  static std::unique_ptr<RemoteBackend> Connect(const RemoteOptions& options);

  // UNAVAILABLE while no connection can be made.
  absl::Status health() const override;
  void Probe(const Call& call, Reply<ProbeAnswer> reply) override;
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
  struct Channel {
    std::shared_ptr<grpc::Channel> channel;
    std::shared_ptr<const RemoteStubs> stubs;
    // Its last attempt to connect did not succeed.
    bool failing() const;
  };
  explicit RemoteBackend(std::vector<Channel> channels) : channels_(std::move(channels)) {}
  // In turns, but for channels that are failing while others are not.
  std::shared_ptr<const RemoteStubs> NextStubs();

  const std::vector<Channel> channels_;
  std::atomic<size_t> next_{0};
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_BACKEND_H_
