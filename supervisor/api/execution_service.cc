#include "supervisor/api/execution_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/api/reply.h"
#include "supervisor/session/event_stream.h"

namespace warren {
namespace {

using warren::v1::ExecutionEvent;

// Ends a stream before its first event.
class RefusedStream final : public grpc::ServerWriteReactor<ExecutionEvent> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// Puts what the backend pushes into the stream from which the reactor writes.
class StreamSink final : public ExecutionSink {
 public:
  StreamSink(MemoryBudget* memory, absl::AnyInvocable<void()> on_available)
      : stream_(memory, std::move(on_available)) {
    stream_.SetOnDrained([this] { OnDrained(); });
  }
  Flow PushOutput(ExecutionEvent::Output::Stream stream, absl::string_view data,
                  OutputStamp stamp) override {
    return ToFlow(stream_.PushOutput(stream, data, stamp.time_unix_nanos, stamp.sequence));
  }
  Flow Push(ExecutionEvent event) override {
    if (!event.has_finished()) return ToFlow(stream_.Push(std::move(event)));
    // Written together with the end that follows.
    finished_ = std::move(event);
    return Flow::kContinue;
  }
  void End(absl::Status status) override {
    if (finished_ && status.ok()) return stream_.Finish(*std::move(finished_));
    stream_.Fail(std::move(status));
  }

  // Events may have come, and room may have come and gone, before it is known.
  void SetOperation(std::unique_ptr<Operation> operation) {
    MutexLock lock(&mu_);
    operation_ = std::move(operation);
    if (std::exchange(drained_, false)) operation_->Resume();
  }
  void Cancel() {
    MutexLock lock(&mu_);
    if (operation_) operation_->Cancel();
  }
  EventStream& stream() { return stream_; }

 private:
  static Flow ToFlow(EventStream::Pressure pressure) {
    return pressure == EventStream::Pressure::kFull ? Flow::kPause : Flow::kContinue;
  }
  void OnDrained() {
    MutexLock lock(&mu_);
    if (operation_) {
      operation_->Resume();
    } else {
      drained_ = true;
    }
  }

  EventStream stream_;
  std::optional<ExecutionEvent> finished_;
  Mutex mu_;
  std::unique_ptr<Operation> operation_ ABSL_GUARDED_BY(mu_);
  bool drained_ ABSL_GUARDED_BY(mu_) = false;
};

// Carries the events of one execution to its client, one write at a time. The client's
// disappearance cancels the cell, whose end still comes through here: so the reactor always sees
// the last event, and deletes itself behind it.
class ExecutionReactor final : public grpc::ServerWriteReactor<ExecutionEvent> {
 public:
  ExecutionReactor(MemoryBudget& memory, SandboxHandle& sandbox,
                   const warren::v1::ExecuteCodeRequest& request)
      : sink_(std::make_shared<StreamSink>(&memory, [this] { WriteNext(); })) {
    // From here on WriteNext may run on the IO thread, up to the deletion after the last event.
    const std::shared_ptr<StreamSink> sink = sink_;
    sink->SetOperation(sandbox.Execute(Call(), request, sink));
  }

  // A write that failed means that the client is gone: OnCancel sees to the cell, and the rest is
  // written into the void.
  void OnWriteDone(bool) override { WriteNext(); }
  void OnCancel() override { sink_->Cancel(); }
  void OnDone() override { delete this; }

 private:
  // Called when something is there and no write is under way. Touches nothing of `this` after the
  // last write.
  void WriteNext() {
    auto item = sink_->stream().Take();
    if (!item) return;
    if (!item->status.ok()) return Finish(ToGrpc(item->status));
    event_ = std::move(item->event);
    if (item->last) return StartWriteAndFinish(&event_, grpc::WriteOptions(), grpc::Status::OK);
    // What is followed by more at once need not be a packet of its own.
    StartWrite(&event_, item->more ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
  }

  const std::shared_ptr<StreamSink> sink_;
  ExecutionEvent event_;
};

}  // namespace

grpc::ServerWriteReactor<ExecutionEvent>* ExecutionService::ExecuteCode(
    grpc::CallbackServerContext*, const warren::v1::ExecuteCodeRequest* request) {
  grpc::ServerWriteReactor<ExecutionEvent>* reactor = nullptr;
  backend_.Open(Call(), request->sandbox_id(),
                [&](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) {
                  if (handle.ok()) {
                    reactor = new ExecutionReactor(backend_.memory(), **handle, *request);
                  } else {
                    reactor = new RefusedStream(ToGrpc(handle.status()));
                  }
                });
  return reactor;
}

grpc::ServerUnaryReactor* ExecutionService::InterruptExecution(
    grpc::CallbackServerContext* context, const warren::v1::InterruptExecutionRequest* request,
    warren::v1::InterruptExecutionResponse* response) {
  return WithSandbox(context, backend_, request->sandbox_id(),
                     [=](SandboxHandle& sandbox, grpc::ServerUnaryReactor* reactor) {
                       sandbox.Interrupt(Call(), request->context_id(), Answer(reactor, response));
                     });
}

grpc::ServerWriteReactor<ExecutionEvent>* ExecutionService::RunScript(
    grpc::CallbackServerContext*, const warren::v1::RunScriptRequest*) {
  return new RefusedStream(NotBuilt("RunScript"));
}

grpc::ServerUnaryReactor* ContextService::ListContexts(
    grpc::CallbackServerContext* context, const warren::v1::ListContextsRequest* request,
    warren::v1::ListContextsResponse* response) {
  return WithSandbox(context, backend_, request->sandbox_id(),
                     [=](SandboxHandle& sandbox, grpc::ServerUnaryReactor* reactor) {
                       sandbox.ListContexts(Call(), Answer(reactor, response));
                     });
}

grpc::ServerUnaryReactor* ContextService::CreateContext(grpc::CallbackServerContext* context,
                                                        const warren::v1::CreateContextRequest*,
                                                        warren::v1::Context*) {
  return Finish(context, NotBuilt("CreateContext"));
}

grpc::ServerUnaryReactor* ContextService::DeleteContext(grpc::CallbackServerContext* context,
                                                        const warren::v1::DeleteContextRequest*,
                                                        warren::v1::DeleteContextResponse*) {
  return Finish(context, NotBuilt("DeleteContext"));
}

grpc::ServerUnaryReactor* ContextService::RestartContext(grpc::CallbackServerContext* context,
                                                         const warren::v1::RestartContextRequest*,
                                                         warren::v1::Context*) {
  return Finish(context, NotBuilt("RestartContext"));
}

}  // namespace warren
