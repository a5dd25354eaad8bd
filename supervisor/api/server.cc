#include "supervisor/api/server.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "supervisor/api/callers.h"
#include "supervisor/api/context_service.h"
#include "supervisor/api/execution_service.h"
#include "supervisor/api/file_service.h"
#include "supervisor/api/info_services.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/api/package_service.h"
#include "supervisor/api/process_service.h"
#include "supervisor/api/sandbox_service.h"
#include "supervisor/api/status.h"

namespace warren {
namespace {

// How long a client that vanished without a word keeps its cell running: pings go out this often.
constexpr int kKeepaliveMillis = 30'000;
constexpr int kKeepaliveTimeoutMillis = 30'000;
// Clients may ping as often, to notice that we are gone: another Warren does. gRPC's own bound is
// five minutes, beyond which it takes them for an attack.
constexpr int kClientPingMillis = 20'000;

// Answers what no service answers: the services of the contract that are not built, and what is
// none of ours.
class Unbuilt final : public grpc::CallbackGenericService {
 public:
  explicit Unbuilt(const Callers& callers) : callers_(callers) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    absl::StatusOr<Call> call = callers_.MakeCall(*context);
    return new Refusal(*context, call.ok() ? WhatIsMissing(context->method()) : call.status());
  }

 private:
  static absl::Status WhatIsMissing(absl::string_view name) {
    absl::ConsumePrefix(&name, "/");
    return absl::UnimplementedError(
        absl::StartsWith(name, "warren.v1.")
            ? absl::StrCat(name, " is part of the contract, but not built yet")
            : "unknown service or method");
  }

  class Refusal final : public grpc::ServerGenericBidiReactor {
   public:
    Refusal(grpc::GenericCallbackServerContext& context, const absl::Status& why) {
      Finish(ToGrpc(context, why));
    }
    void OnDone() override { delete this; }
  };

  const Callers& callers_;
};

}  // namespace

struct ApiServer::Impl {
  Impl(Backend& backend, MemoryBudget& memory, KeyStore& keys)
      : callers(keys),
        streams(memory),
        sandboxes(callers, backend, streams),
        executions(callers, backend, streams),
        contexts(callers, backend),
        processes(callers, backend, streams),
        files(callers, backend, streams),
        templates(callers, backend),
        backends(callers, backend),
        environments(callers, backend),
        packages(callers, backend, streams),
        unbuilt(callers) {}

  const Callers callers;
  OpenStreams streams;
  SandboxService sandboxes;
  ExecutionService executions;
  ContextService contexts;
  ProcessService processes;
  FileService files;
  TemplateService templates;
  BackendService backends;
  EnvironmentService environments;
  PackageService packages;
  Unbuilt unbuilt;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  // Null without a certificate.
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> tls_acceptor;
  // After the services, so that it goes before them.
  std::unique_ptr<grpc::Server> server;
};

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() = default;

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Start(
    Backend& backend, MemoryBudget& memory, KeyStore& keys,
    const std::optional<TlsCertificate>& certificate) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto impl = std::make_unique<Impl>(backend, memory, keys);
  grpc::ServerBuilder builder;
  builder.RegisterService(&impl->sandboxes)
      .RegisterService(&impl->executions)
      .RegisterService(&impl->contexts)
      .RegisterService(&impl->processes)
      .RegisterService(&impl->files)
      .RegisterService(&impl->templates)
      .RegisterService(&impl->backends)
      .RegisterService(&impl->environments)
      .RegisterService(&impl->packages)
      .RegisterCallbackGenericService(&impl->unbuilt)
      .AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis)
      .AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis)
      .AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kClientPingMillis);
  impl->acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  if (certificate) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({certificate->key, certificate->chain});
    impl->tls_acceptor = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::SslServerCredentials(options));
  }
  impl->server = builder.BuildAndStart();
  if (!impl->server) return absl::InternalError("gRPC could not start its server");
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

void ApiServer::AddConnection(int listener, UniqueFd connection, Security security) {
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.listener_fd = listener;
  parameters.fd = connection.release();
  (security == Security::kTls ? impl_->tls_acceptor : impl_->acceptor)
      ->HandleNewConnection(&parameters);
}

void ApiServer::BeginShutdown() {
  if (auto* health = impl_->server->GetHealthCheckService()) health->SetServingStatus(false);
}

bool ApiServer::streaming() const { return impl_->streams.any(); }

void ApiServer::Shutdown(absl::Duration grace) {
  // gRPC tells clients that it goes (GOAWAY), and then closes a connection behind its last stream.
  // A client that writes just then, be it an acknowledgement, sees a broken pipe and drops what it
  // has not read. So the streams come first: who has heard that we go has read what came before.
  const absl::Duration left = impl_->streams.WaitUntilClosed(grace);
  impl_->server->Shutdown(absl::ToChronoTime(absl::Now() + left));
}

}  // namespace warren
