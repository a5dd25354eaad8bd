#include "supervisor/local/local_sandbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/local/execution_operation.h"
#include "supervisor/local/lease_proto.h"
#include "supervisor/local/local_backend.h"

namespace warren {
namespace {

// For what was refused.
class NoOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

std::unique_ptr<Operation> Refuse(ExecutionSink& sink, absl::Status why) {
  sink.End(std::move(why));
  return std::make_unique<NoOperation>();
}

}  // namespace

absl::StatusOr<LeaseRef> LocalSandbox::FindLease() const { return backend_.FindLease(id()); }

absl::StatusOr<std::shared_ptr<Context>> LocalSandbox::FindContext(
    const std::string& context_id) const {
  if (auto context = sandbox_->FindContext(context_id)) return context;
  std::vector<std::string> names;
  for (const auto& context : sandbox_->contexts()) names.push_back(context->id());
  return absl::NotFoundError(
      absl::StrCat("no such context; this sandbox has: ", absl::StrJoin(names, ", ")));
}

// ---- The sandbox ------------------------------------------------------------------------------

void LocalSandbox::Get(const Call&, Reply<warren::v1::Sandbox> reply) {
  auto lease = FindLease();
  if (!lease.ok()) return reply(lease.status());
  reply(ToProto(**lease, MemoryReading::kCurrent));
}

void LocalSandbox::SetLifetime(const Call&, const warren::v1::SetSandboxLifetimeRequest& request,
                               Reply<warren::v1::Sandbox> reply) {
  warren::v1::SetSandboxLifetimeRequest valid = request;
  if (absl::Status status = ValidateLifetime(valid); !status.ok()) return reply(status);
  LeaseRef lease = backend_.table().SetLifetime(id(), ToDuration(valid.lifetime()));
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

void LocalSandbox::GetEnvironment(const Call& call, Reply<warren::v1::Environment> reply) {
  backend_.GetEnvironment(call, sandbox_->identity().template_id, std::move(reply));
}

void LocalSandbox::ListContexts(const Call&, Reply<warren::v1::ListContextsResponse> reply) {
  auto lease = FindLease();
  if (!lease.ok()) return reply(lease.status());
  warren::v1::ListContextsResponse response;
  for (const auto& context : sandbox_->contexts()) {
    *response.add_contexts() = ToProto(id(), *context);
  }
  reply(std::move(response));
}

// ---- Executions -------------------------------------------------------------------------------

std::unique_ptr<Operation> LocalSandbox::Execute(const Call&,
                                                 warren::v1::ExecuteCodeRequest request,
                                                 std::shared_ptr<ExecutionSink> sink) {
  if (absl::Status status = ValidateExecute(request); !status.ok()) return Refuse(*sink, status);
  auto context = FindContext(request.context_id());
  if (!context.ok()) return Refuse(*sink, context.status());
  auto execution = std::make_shared<Execution>(std::move(request), sink, backend_.detached());
  absl::Status accepted = (*context)->Execute(execution);
  if (!accepted.ok()) {
    // A context that is gone with a sandbox that is not on record any more.
    if (auto lease = FindLease(); !lease.ok()) accepted = lease.status();
    return Refuse(*sink, std::move(accepted));
  }
  return std::make_unique<ExecutionOperation>(sandbox_, *std::move(context), std::move(execution),
                                              backend_.detached());
}

std::unique_ptr<Operation> LocalSandbox::Connect(const Call&, const std::string& execution_id,
                                                 int64_t after_sequence,
                                                 std::shared_ptr<ExecutionSink> sink) {
  if (after_sequence < 0) {
    return Refuse(*sink, absl::InvalidArgumentError(absl::StrCat(
                             "after_sequence is ", after_sequence, "; it must not be negative")));
  }
  auto [context, execution] = backend_.detached().Find(id(), execution_id);
  if (!execution) {
    const auto contexts = sandbox_->contexts();
    const bool attached = std::any_of(contexts.begin(), contexts.end(),
                                      [&](const auto& each) { return each->Has(execution_id); });
    return Refuse(
        *sink,
        attached
            ? absl::FailedPreconditionError("the execution has its client; another can take its "
                                            "place when that one has left")
            : absl::NotFoundError("no such execution: it never was, its client saw its end, "
                                  "or it ended too long ago"));
  }
  absl::Status attached = execution->Attach(sink, after_sequence);
  if (!attached.ok()) return Refuse(*sink, std::move(attached));
  // One that has ended can be asked for again, for a while.
  if (!execution->ended()) backend_.detached().Remove(execution_id);
  return std::make_unique<ExecutionOperation>(sandbox_, std::move(context), std::move(execution),
                                              backend_.detached());
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
