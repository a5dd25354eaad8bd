#include "supervisor/local/local_sandbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/local/lease_proto.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/session/execution_operation.h"

namespace warren {

absl::StatusOr<LeaseRef> LocalSandbox::FindLease() const { return backend_.FindLease(id()); }

absl::Status LocalSandbox::CheckUsable() const {
  WARREN_RETURN_IF_ERROR(FindLease().status());
  WARREN_RETURN_IF_ERROR(sandbox_->Usable());
  sandbox_->Use();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Context>> LocalSandbox::FindContext(
    const std::string& context_id) const {
  if (auto context = sandbox_->FindContext(context_id)) return context;
  std::vector<std::string> names;
  for (const auto& context : sandbox_->contexts()) names.push_back(context->id());
  return absl::NotFoundError(names.empty() ? "no such context; this sandbox has none: create one"
                                           : absl::StrCat("no such context; this sandbox has: ",
                                                          absl::StrJoin(names, ", ")));
}

// ---- The sandbox ------------------------------------------------------------------------------

void LocalSandbox::Get(const Call&, Reply<warren::v1::Sandbox> reply) {
  auto lease = FindLease();
  if (!lease.ok()) return reply(lease.status());
  warren::v1::Sandbox sandbox = ToProto(**lease, MemoryReading::kCurrent);
  if (auto asked = sandbox_->asked_network()) *sandbox.mutable_network() = *asked;
  reply(std::move(sandbox));
}

void LocalSandbox::SetLifetime(const Call&, const warren::v1::SetSandboxLifetimeRequest& request,
                               Reply<warren::v1::Sandbox> reply) {
  warren::v1::SetSandboxLifetimeRequest valid = request;
  if (absl::Status status = ValidateLifetime(valid); !status.ok()) return reply(status);
  LeaseRef lease = backend_.table().SetLifetime(
      id(), {ToDuration(valid.lifetime()), valid.lifetime_from(), valid.on_expiry()});
  if (!lease) return reply(FindLease().status());
  reply(ToProto(*lease, MemoryReading::kNone));
}

void LocalSandbox::Destroy(const Call&, Reply<warren::v1::DestroySandboxResponse> reply) {
  LeaseRef lease = backend_.table().Remove(id());
  if (!lease) return reply(FindLease().status());
  const SandboxTotals totals = sandbox_->Totals();
  sandbox_->Destroy(StopReason::kDestroyed);
  spdlog::info("event=sandbox_destroyed sandbox={}", id());
  warren::v1::DestroySandboxResponse response;
  *response.mutable_usage() = LifetimeUsage(*lease, totals);
  reply(std::move(response));
}

// ---- Executions -------------------------------------------------------------------------------

std::unique_ptr<Operation> LocalSandbox::Execute(const Call&,
                                                 warren::v1::ExecuteCodeRequest request,
                                                 std::shared_ptr<ExecutionSink> sink) {
  if (absl::Status status = ValidateExecute(request); !status.ok())
    return RefuseExecution(*sink, status);
  if (!request.request_id().empty()) return ExecuteOnce(std::move(request), std::move(sink));
  auto context = FindContext(request.context_id());
  if (!context.ok()) return RefuseExecution(*sink, context.status());
  auto execution = std::make_shared<Execution>(std::move(request), sink, backend_.detached());
  execution->Hold(sandbox_->Use());
  absl::Status accepted = (*context)->Execute(execution);
  if (!accepted.ok()) return RefuseExecution(*sink, Explain(std::move(accepted)));
  if (execution->kept()) backend_.detached().Add(id(), *context, execution);
  return Desk().Operate(*std::move(context), std::move(execution));
}

// A context that is gone with a sandbox that is not on record any more.
absl::Status LocalSandbox::Explain(absl::Status refused) const {
  auto lease = FindLease();
  return lease.ok() ? refused : lease.status();
}

std::unique_ptr<Operation> LocalSandbox::ExecuteOnce(warren::v1::ExecuteCodeRequest request,
                                                     std::shared_ptr<ExecutionSink> sink) {
  request.clear_sandbox_id();
  const std::string request_id = request.request_id();
  const std::string fingerprint = Fingerprint(request);
  auto earlier = backend_.detached().FindRequest(id(), request_id, fingerprint);
  if (!earlier.ok()) return RefuseExecution(*sink, earlier.status());
  if (earlier->execution) return Desk().TakePlace(*earlier, std::move(sink));
  auto context = FindContext(request.context_id());
  if (!context.ok()) return RefuseExecution(*sink, context.status());
  auto execution = std::make_shared<Execution>(std::move(request), sink, backend_.detached());
  execution->Hold(sandbox_->Use());
  earlier = backend_.detached().AddOnce(id(), request_id, fingerprint, *context, execution);
  if (!earlier.ok()) return RefuseExecution(*sink, earlier.status());
  if (earlier->execution) return Desk().TakePlace(*earlier, std::move(sink));
  if (absl::Status accepted = (*context)->Execute(execution); !accepted.ok()) {
    // Another may have the sink's place by now: the execution knows whose it is.
    backend_.detached().Remove(execution->id());
    execution->Fail(Explain(std::move(accepted)));
  }
  return Desk().Operate(*std::move(context), std::move(execution));
}

ExecutionDesk LocalSandbox::Desk() const {
  return {id(), sandbox_, backend_.detached(), backend_.memory()};
}

std::unique_ptr<Operation> LocalSandbox::Connect(const Call&,
                                                 const warren::v1::ConnectExecutionRequest& request,
                                                 std::shared_ptr<ExecutionSink> sink) {
  return Desk().Connect(request, std::move(sink), [this](const std::string& execution_id) {
    const auto contexts = sandbox_->contexts();
    return sandbox_->HasScript(execution_id) ||
           std::any_of(contexts.begin(), contexts.end(),
                       [&](const auto& each) { return each->Has(execution_id); });
  });
}

void LocalSandbox::Interrupt(const Call&, const std::string& context_id,
                             Reply<warren::v1::InterruptExecutionResponse> reply) {
  auto context = FindContext(context_id);
  absl::Status status = context.ok() ? (*context)->Interrupt() : context.status();
  if (!status.ok()) {
    if (auto lease = FindLease(); !lease.ok()) status = lease.status();
    return reply(status);
  }
  reply(warren::v1::InterruptExecutionResponse());
}

}  // namespace warren
