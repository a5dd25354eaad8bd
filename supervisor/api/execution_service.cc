#include "supervisor/api/execution_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/api/reply.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using warren::v1::ExecutionEvent;

constexpr size_t kMaxCodeBytes = 1 << 20;
constexpr int64_t kDefaultOutputBytes = int64_t{64} << 20;
constexpr int64_t kMaxOutputBytes = int64_t{16} << 30;
const DurationRange kTimeout{absl::Milliseconds(1), absl::Hours(24), absl::Seconds(60)};

absl::StatusOr<Execution::Request> Validate(const warren::v1::ExecuteCodeRequest& from) {
  if (!from.env().empty()) {
    return absl::UnimplementedError(
        "ExecuteCodeRequest.env is part of the contract, but not built yet");
  }
  if (from.allow_stdin()) {
    return absl::UnimplementedError(
        "ExecuteCodeRequest.allow_stdin is part of the contract, but not built yet");
  }
  if (from.code().size() > kMaxCodeBytes) {
    return absl::InvalidArgumentError(absl::StrCat("code has ", from.code().size(),
                                                   " bytes; at most ", kMaxCodeBytes,
                                                   " are allowed: write larger data to a file"));
  }
  if (!IsValidUtf8(from.code())) return absl::InvalidArgumentError("code is not valid UTF-8");
  if (from.code().find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("code contains a NUL byte");
  }
  if (from.max_output_bytes() < 0 || from.max_output_bytes() > kMaxOutputBytes) {
    return absl::InvalidArgumentError(absl::StrCat("max_output_bytes is ", from.max_output_bytes(),
                                                   "; it must be from 1 to ", kMaxOutputBytes,
                                                   ", or 0 for ", kDefaultOutputBytes));
  }
  WARREN_ASSIGN_OR_RETURN(
      absl::Duration timeout,
      ReadDuration("timeout", from.has_timeout() ? &from.timeout() : nullptr, kTimeout));
  Execution::Request request;
  request.code = from.code();
  request.timeout = timeout;
  request.max_output_bytes =
      from.max_output_bytes() == 0 ? kDefaultOutputBytes : from.max_output_bytes();
  request.options.set_silent(from.silent());
  if (from.has_store_history()) request.options.set_store_history(from.store_history());
  *request.options.mutable_user_expressions() = from.user_expressions();
  request.options.set_colors(from.colors());
  return request;
}

absl::Status CheckContext(absl::string_view context_id) {
  if (context_id.empty() || context_id == kDefaultContextId) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("no such context; this sandbox has \"", kDefaultContextId, "\""));
}

// Ends a stream before its first event.
class RefusedStream final : public grpc::ServerWriteReactor<ExecutionEvent> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// Carries the events of one execution to its client, one write at a time. The client's
// disappearance cancels the cell, whose end still comes through here: so the reactor always sees
// the last event, and deletes itself behind it.
class ExecutionReactor final : public grpc::ServerWriteReactor<ExecutionEvent> {
 public:
  ExecutionReactor(std::shared_ptr<Sandbox> sandbox, Execution::Request request)
      : sandbox_(std::move(sandbox)),
        execution_(std::make_shared<Execution>(std::move(request), [this] { WriteNext(); })) {
    // From here on WriteNext may run on the IO thread, up to the deletion after the last event.
    absl::Status accepted = sandbox_->Execute(execution_);
    if (!accepted.ok()) Finish(ToGrpc(accepted));
  }

  // A write that failed means that the client is gone: OnCancel sees to the cell, and the rest is
  // written into the void.
  void OnWriteDone(bool) override { WriteNext(); }
  void OnCancel() override { sandbox_->Cancel(*execution_); }
  void OnDone() override { delete this; }

 private:
  // Called when something is there and no write is under way. Touches nothing of `this` after the
  // last write.
  void WriteNext() {
    auto item = execution_->stream.Take();
    if (!item) return;
    if (!item->status.ok()) return Finish(ToGrpc(item->status));
    event_ = std::move(item->event);
    if (item->last) return StartWriteAndFinish(&event_, grpc::WriteOptions(), grpc::Status::OK);
    // What is followed by more at once need not be a packet of its own.
    StartWrite(&event_, item->more ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
  }

  const std::shared_ptr<Sandbox> sandbox_;
  const std::shared_ptr<Execution> execution_;
  ExecutionEvent event_;
};

}  // namespace

grpc::ServerWriteReactor<ExecutionEvent>* ExecutionService::ExecuteCode(
    grpc::CallbackServerContext*, const warren::v1::ExecuteCodeRequest* request) {
  auto lease = backend_.FindSandbox(request->sandbox_id());
  if (!lease.ok()) return new RefusedStream(ToGrpc(lease.status()));
  if (absl::Status status = CheckContext(request->context_id()); !status.ok()) {
    return new RefusedStream(ToGrpc(status));
  }
  auto valid = Validate(*request);
  if (!valid.ok()) return new RefusedStream(ToGrpc(valid.status()));
  return new ExecutionReactor(std::move(lease->sandbox), *std::move(valid));
}

grpc::ServerUnaryReactor* ExecutionService::InterruptExecution(
    grpc::CallbackServerContext* context, const warren::v1::InterruptExecutionRequest* request,
    warren::v1::InterruptExecutionResponse*) {
  auto lease = backend_.FindSandbox(request->sandbox_id());
  if (!lease.ok()) return Reply(context, lease.status());
  absl::Status status = CheckContext(request->context_id());
  if (status.ok()) status = lease->sandbox->Interrupt();
  return Reply(context, status);
}

grpc::ServerWriteReactor<ExecutionEvent>* ExecutionService::RunScript(
    grpc::CallbackServerContext*, const warren::v1::RunScriptRequest*) {
  return new RefusedStream(NotBuilt("RunScript"));
}

grpc::ServerUnaryReactor* ContextService::ListContexts(
    grpc::CallbackServerContext* context, const warren::v1::ListContextsRequest* request,
    warren::v1::ListContextsResponse* response) {
  auto lease = backend_.FindSandbox(request->sandbox_id());
  if (!lease.ok()) return Reply(context, lease.status());
  auto* only = response->add_contexts();
  only->set_context_id(kDefaultContextId);
  only->set_sandbox_id(request->sandbox_id());
  only->set_language("python");
  only->set_alive(lease->sandbox->alive());
  only->set_execution_count(lease->sandbox->execution_count());
  return Reply(context, grpc::Status::OK);
}

grpc::ServerUnaryReactor* ContextService::CreateContext(grpc::CallbackServerContext* context,
                                                        const warren::v1::CreateContextRequest*,
                                                        warren::v1::Context*) {
  return Reply(context, NotBuilt("CreateContext"));
}

grpc::ServerUnaryReactor* ContextService::DeleteContext(grpc::CallbackServerContext* context,
                                                        const warren::v1::DeleteContextRequest*,
                                                        warren::v1::DeleteContextResponse*) {
  return Reply(context, NotBuilt("DeleteContext"));
}

grpc::ServerUnaryReactor* ContextService::RestartContext(grpc::CallbackServerContext* context,
                                                         const warren::v1::RestartContextRequest*,
                                                         warren::v1::Context*) {
  return Reply(context, NotBuilt("RestartContext"));
}

}  // namespace warren
