#include "supervisor/remote/remote_backend.h"

#include <algorithm>
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
constexpr int kConnectMillis = 1'000;
constexpr int kMostReconnectMillis = 10'000;

template <class Pending>
class CreateOperation final : public Operation {
 public:
  explicit CreateOperation(std::shared_ptr<Pending> pending) : pending_(std::move(pending)) {}
  void Resume() override {}
  void Cancel() override { pending_->context.TryCancel(); }

 private:
  const std::shared_ptr<Pending> pending_;
};

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const RemoteOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = options.tls->authorities;
  ssl.pem_private_key = options.tls->key;
  ssl.pem_cert_chain = options.tls->certificate;
  return grpc::SslCredentials(ssl);
}

}  // namespace

std::unique_ptr<RemoteBackend> RemoteBackend::Connect(const RemoteOptions& options) {
  KeepCallbackQueue();
  grpc::ChannelArguments arguments;
  // Another Warren is reached directly; an http_proxy in the environment is meant for other things.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // gRPC repeats by itself what it believes not to have been seen: an execution is run once or
  // fails.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  // It is also how long an attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMillis);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kConnectMillis);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostReconnectMillis);
  // Two backends of one process, or one made anew, share no connection that broke; nor do the
  // channels of one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.tls && !options.tls->server_name.empty())
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  std::vector<Channel> channels;
  for (int i = 0; i < std::max(options.channels, 1); ++i) {
    auto channel = grpc::CreateCustomChannel(options.target, CredentialsOf(options), arguments);
    channels.push_back(
        {channel, std::make_shared<RemoteStubs>(channel, options.name, options.key)});
  }
  return std::unique_ptr<RemoteBackend>(new RemoteBackend(std::move(channels)));
}

bool RemoteBackend::Channel::failing() const {
  const grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/false);
  return state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN;
}

absl::Status RemoteBackend::health() const {
  for (const Channel& each : channels_) {
    if (!each.failing()) return absl::OkStatus();
  }
  return absl::UnavailableError("the remote Warren cannot be reached");
}

// A server that is back is found by one of them first; the others wait for their next attempt.
std::shared_ptr<const RemoteStubs> RemoteBackend::NextStubs() {
  const size_t first = next_.fetch_add(1, std::memory_order_relaxed);
  for (size_t i = 0; i < channels_.size(); ++i) {
    const Channel& each = channels_[(first + i) % channels_.size()];
    if (!each.failing()) return each.stubs;
  }
  return channels_[first % channels_.size()].stubs;
}

// It wants its key, and asks nobody behind it.
void RemoteBackend::Probe(const Call& call, Reply<ProbeAnswer> reply) {
  ListTemplates(call, [reply = std::move(reply)](
                          const absl::StatusOr<v1::ListTemplatesResponse>& listed) mutable {
    if (!listed.ok()) return reply(listed.status());
    reply(ProbeAnswer());
  });
}

std::unique_ptr<Operation> RemoteBackend::Create(const Call& call,
                                                 const v1::CreateSandboxRequest& request,
                                                 Reply<v1::Sandbox> reply) {
  const auto stubs = NextStubs();
  auto pending = StartCall<v1::Sandbox>(
      stubs, call, request, std::move(reply),
      [&stubs](auto... to) { stubs->sandboxes->async()->CreateSandbox(to...); });
  using Pending = typename decltype(pending)::element_type;
  return std::make_unique<CreateOperation<Pending>>(std::move(pending));
}

void RemoteBackend::Open(const Call&, const std::string& sandbox_id,
                         Reply<std::shared_ptr<SandboxHandle>> reply) {
  reply(std::make_shared<RemoteSandbox>(NextStubs(), sandbox_id));
}

void RemoteBackend::List(const Call& call, const v1::ListSandboxesRequest& what,
                         Reply<v1::ListSandboxesResponse> reply) {
  const auto stubs = NextStubs();
  v1::ListSandboxesRequest request = what;
  StartCall<v1::ListSandboxesResponse>(
      stubs, call, std::move(request), std::move(reply),
      [&stubs](auto... to) { stubs->sandboxes->async()->ListSandboxes(to...); });
}

void RemoteBackend::ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) {
  const auto stubs = NextStubs();
  v1::ListTemplatesRequest request;
  StartCall<v1::ListTemplatesResponse>(
      stubs, call, std::move(request), std::move(reply),
      [&stubs](auto... to) { stubs->templates->async()->ListTemplates(to...); });
}

void RemoteBackend::GetEnvironment(const Call& call, const std::string& template_id,
                                   Reply<v1::Environment> reply) {
  const auto stubs = NextStubs();
  v1::GetEnvironmentRequest request;
  request.set_template_id(template_id);
  StartCall<v1::Environment>(
      stubs, call, std::move(request), std::move(reply),
      [&stubs](auto... to) { stubs->environments->async()->GetEnvironment(to...); });
}

std::unique_ptr<Operation> RemoteBackend::Prefetch(const Call& call,
                                                   v1::PrefetchPackagesRequest request,
                                                   std::shared_ptr<InstallSink> sink) {
  const auto stubs = NextStubs();
  return StartStream<v1::InstallPackageEvent>(
      stubs, call, std::move(sink), RemoteLife::kEndsWithClient,
      [&](grpc::ClientContext* context, auto* reactor) {
        stubs->packages->async()->PrefetchPackages(context, &request, reactor);
      });
}

void RemoteBackend::ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) {
  const auto stubs = NextStubs();
  StartCall<v1::ListStoredPackagesResponse>(
      stubs, call, v1::ListStoredPackagesRequest(), std::move(reply),
      [&stubs](auto... to) { stubs->packages->async()->ListStoredPackages(to...); });
}

void RemoteBackend::PrunePackages(const Call& call, const v1::PruneStoredPackagesRequest& what,
                                  Reply<v1::PruneStoredPackagesResponse> reply) {
  const auto stubs = NextStubs();
  v1::PruneStoredPackagesRequest request = what;
  StartCall<v1::PruneStoredPackagesResponse>(
      stubs, call, std::move(request), std::move(reply),
      [&stubs](auto... to) { stubs->packages->async()->PruneStoredPackages(to...); });
}

void RemoteBackend::VerifyPackages(const Call& call,
                                   Reply<v1::VerifyStoredPackagesResponse> reply) {
  const auto stubs = NextStubs();
  StartCall<v1::VerifyStoredPackagesResponse>(
      stubs, call, v1::VerifyStoredPackagesRequest(), std::move(reply),
      [&stubs](auto... to) { stubs->packages->async()->VerifyStoredPackages(to...); });
}

}  // namespace warren
