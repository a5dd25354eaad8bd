#include "supervisor/remote/remote_backend.h"

#include <utility>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "supervisor/backend/package_queue.h"
#include "supervisor/remote/callback_queue.h"
#include "supervisor/remote/remote_call.h"
#include "supervisor/remote/remote_sandbox.h"
#include "supervisor/remote/remote_stream.h"
#include "supervisor/remote/stubs.h"

namespace warren {
namespace {

// As the server does: a machine that vanished without a word would keep its executions waiting.
constexpr int kKeepaliveMillis = 30'000;
constexpr int kKeepaliveTimeoutMillis = 30'000;

template <class Pending>
class CreateOperation final : public Operation {
 public:
  explicit CreateOperation(std::shared_ptr<Pending> pending) : pending_(std::move(pending)) {}
  void Resume() override {}
  void Cancel() override { pending_->context.TryCancel(); }

 private:
  const std::shared_ptr<Pending> pending_;
};

}  // namespace

std::unique_ptr<RemoteBackend> RemoteBackend::Connect(const std::string& target) {
  KeepCallbackQueue();
  grpc::ChannelArguments arguments;
  // Another Warren is reached directly; an http_proxy in the environment is meant for other things.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // gRPC repeats by itself what it believes not to have been seen: an execution is run once or
  // fails.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  // Two backends of one process, or one made anew, share no connection that broke.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return std::unique_ptr<RemoteBackend>(new RemoteBackend(
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments)));
}

RemoteBackend::RemoteBackend(std::shared_ptr<grpc::Channel> channel)
    : channel_(std::move(channel)), stubs_(std::make_shared<RemoteStubs>(channel_)) {}

absl::Status RemoteBackend::health() const {
  switch (channel_->GetState(/*try_to_connect=*/false)) {
    case GRPC_CHANNEL_TRANSIENT_FAILURE:
    case GRPC_CHANNEL_SHUTDOWN:
      return absl::UnavailableError("the remote Warren cannot be reached");
    default:
      return absl::OkStatus();
  }
}

std::unique_ptr<Operation> RemoteBackend::Create(const Call& call,
                                                 const v1::CreateSandboxRequest& request,
                                                 Reply<v1::Sandbox> reply) {
  auto pending = StartCall<v1::Sandbox>(call, request, std::move(reply), [this](auto... to) {
    stubs_->sandboxes->async()->CreateSandbox(to...);
  });
  using Pending = typename decltype(pending)::element_type;
  return std::make_unique<CreateOperation<Pending>>(std::move(pending));
}

void RemoteBackend::Open(const Call&, const std::string& sandbox_id,
                         Reply<std::shared_ptr<SandboxHandle>> reply) {
  reply(std::make_shared<RemoteSandbox>(stubs_, sandbox_id));
}

void RemoteBackend::List(const Call& call, const v1::ListSandboxesRequest& what,
                         Reply<v1::ListSandboxesResponse> reply) {
  v1::ListSandboxesRequest request = what;
  StartCall<v1::ListSandboxesResponse>(
      call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->sandboxes->async()->ListSandboxes(to...); });
}

void RemoteBackend::ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) {
  v1::ListTemplatesRequest request;
  StartCall<v1::ListTemplatesResponse>(
      call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->templates->async()->ListTemplates(to...); });
}

void RemoteBackend::GetEnvironment(const Call& call, const std::string& template_id,
                                   Reply<v1::Environment> reply) {
  v1::GetEnvironmentRequest request;
  request.set_template_id(template_id);
  StartCall<v1::Environment>(call, std::move(request), std::move(reply), [this](auto... to) {
    stubs_->environments->async()->GetEnvironment(to...);
  });
}

std::unique_ptr<Operation> RemoteBackend::Prefetch(const Call& call,
                                                   v1::PrefetchPackagesRequest request,
                                                   std::shared_ptr<InstallSink> sink) {
  return StartStream<v1::InstallPackageEvent>(call, std::move(sink), RemoteLife::kEndsWithClient,
                                              [&](grpc::ClientContext* context, auto* reactor) {
                                                stubs_->packages->async()->PrefetchPackages(
                                                    context, &request, reactor);
                                              });
}

void RemoteBackend::ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) {
  StartCall<v1::ListStoredPackagesResponse>(
      call, v1::ListStoredPackagesRequest(), std::move(reply),
      [this](auto... to) { stubs_->packages->async()->ListStoredPackages(to...); });
}

void RemoteBackend::PrunePackages(const Call& call, const v1::PruneStoredPackagesRequest& what,
                                  Reply<v1::PruneStoredPackagesResponse> reply) {
  v1::PruneStoredPackagesRequest request = what;
  StartCall<v1::PruneStoredPackagesResponse>(
      call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->packages->async()->PruneStoredPackages(to...); });
}

void RemoteBackend::VerifyPackages(const Call& call,
                                   Reply<v1::VerifyStoredPackagesResponse> reply) {
  StartCall<v1::VerifyStoredPackagesResponse>(
      call, v1::VerifyStoredPackagesRequest(), std::move(reply),
      [this](auto... to) { stubs_->packages->async()->VerifyStoredPackages(to...); });
}

}  // namespace warren
