#include "supervisor/api/sandbox_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/api/reply.h"

namespace warren {
namespace {

const DurationRange kLifetime{absl::Seconds(1), absl::Hours(24), absl::Seconds(300)};

absl::StatusOr<LocalBackend::CreateRequest> Validate(const warren::v1::CreateSandboxRequest& from) {
  LocalBackend::CreateRequest request;
  request.template_id = from.template_id();
  request.limits = from.limits();
  WARREN_ASSIGN_OR_RETURN(
      request.lifetime,
      ReadDuration("lifetime", from.has_lifetime() ? &from.lifetime() : nullptr, kLifetime));
  WARREN_RETURN_IF_ERROR(CheckMetadata(from.metadata()));
  request.metadata.insert(from.metadata().begin(), from.metadata().end());
  if (!from.env().empty()) {
    return absl::UnimplementedError(
        "CreateSandboxRequest.env is part of the contract, but not built yet");
  }
  if (!from.network_policy().empty() && from.network_policy() != "none") {
    return absl::UnimplementedError("network policies other than \"none\" are not built yet");
  }
  return request;
}

bool Matches(const Lease& lease, const warren::v1::ListSandboxesRequest& request) {
  return std::all_of(request.metadata().begin(), request.metadata().end(), [&](const auto& wanted) {
    auto found = lease.metadata.find(wanted.first);
    return found != lease.metadata.end() && found->second == wanted.second;
  });
}

}  // namespace

grpc::ServerUnaryReactor* SandboxService::CreateSandbox(
    grpc::CallbackServerContext* context, const warren::v1::CreateSandboxRequest* request,
    warren::v1::Sandbox* response) {
  auto valid = Validate(*request);
  if (!valid.ok()) return Reply(context, valid.status());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  backend_.CreateSandbox(
      *std::move(valid), [context] { return !context->IsCancelled(); },
      [reactor, response](absl::StatusOr<Lease> lease) {
        if (lease.ok()) {
          *response = ToProto(*lease, MemoryReading::kNone);
          response->mutable_stages()->Add(lease->stages.begin(), lease->stages.end());
        }
        reactor->Finish(ToGrpc(lease.status()));
      });
  return reactor;
}

grpc::ServerUnaryReactor* SandboxService::GetSandbox(grpc::CallbackServerContext* context,
                                                     const warren::v1::GetSandboxRequest* request,
                                                     warren::v1::Sandbox* response) {
  auto lease = backend_.FindSandbox(request->sandbox_id());
  if (lease.ok()) *response = ToProto(*lease, MemoryReading::kCurrent);
  return Reply(context, lease.status());
}

grpc::ServerUnaryReactor* SandboxService::ListSandboxes(
    grpc::CallbackServerContext* context, const warren::v1::ListSandboxesRequest* request,
    warren::v1::ListSandboxesResponse* response) {
  for (const Lease& lease : backend_.ListSandboxes()) {
    if (Matches(lease, *request)) {
      *response->add_sandboxes() = ToProto(lease, MemoryReading::kCurrent);
    }
  }
  for (warren::v1::PoolStatus& pool : backend_.PoolStatus()) {
    *response->add_pools() = std::move(pool);
  }
  return Reply(context, grpc::Status::OK);
}

grpc::ServerUnaryReactor* SandboxService::DestroySandbox(
    grpc::CallbackServerContext* context, const warren::v1::DestroySandboxRequest* request,
    warren::v1::DestroySandboxResponse* response) {
  auto destroyed = backend_.DestroySandbox(request->sandbox_id());
  if (destroyed.ok()) {
    *response->mutable_usage() = LifetimeUsage(destroyed->lease, destroyed->totals);
  }
  return Reply(context, destroyed.status());
}

grpc::ServerUnaryReactor* SandboxService::SetSandboxLifetime(
    grpc::CallbackServerContext* context, const warren::v1::SetSandboxLifetimeRequest* request,
    warren::v1::Sandbox* response) {
  if (!request->has_lifetime()) {
    return Reply(context, absl::InvalidArgumentError("lifetime is missing"));
  }
  auto lifetime = ReadDuration("lifetime", &request->lifetime(), kLifetime);
  if (!lifetime.ok()) return Reply(context, lifetime.status());
  auto lease = backend_.SetLifetime(request->sandbox_id(), *lifetime);
  if (lease.ok()) *response = ToProto(*lease, MemoryReading::kNone);
  return Reply(context, lease.status());
}

grpc::ServerUnaryReactor* SandboxService::PauseSandbox(grpc::CallbackServerContext* context,
                                                       const warren::v1::PauseSandboxRequest*,
                                                       warren::v1::Sandbox*) {
  return Reply(context, NotBuilt("PauseSandbox"));
}

grpc::ServerUnaryReactor* SandboxService::ResumeSandbox(grpc::CallbackServerContext* context,
                                                        const warren::v1::ResumeSandboxRequest*,
                                                        warren::v1::Sandbox*) {
  return Reply(context, NotBuilt("ResumeSandbox"));
}

}  // namespace warren
