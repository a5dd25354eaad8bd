#include "tools/warren/executions.h"

#include <memory>

namespace warren {
namespace {

grpc::Status Follow(grpc::ClientContext& context,
                    std::unique_ptr<grpc::ClientReader<v1::ExecutionEvent>> stream,
                    const EventHandler& on_event) {
  v1::ExecutionEvent event;
  bool finished = false;
  while (stream->Read(&event)) {
    finished = event.has_finished();
    if (!on_event(event)) context.TryCancel();
  }
  grpc::Status status = stream->Finish();
  if (status.ok() && !finished) {
    return {grpc::StatusCode::INTERNAL, "the stream of events ended without a result"};
  }
  return status;
}

}  // namespace

grpc::Status ExecuteCode(Client& client, const v1::ExecuteCodeRequest& request,
                         absl::Duration bound, Interrupts& interrupts,
                         const EventHandler& on_event) {
  grpc::ClientContext context;
  if (bound != absl::InfiniteDuration()) SetDeadline(context, bound);
  Interrupts::Scope scope(interrupts, context);
  return Follow(context, client.executions().ExecuteCode(&context, request), on_event);
}

grpc::Status RunScript(Client& client, const v1::RunScriptRequest& request, Interrupts& interrupts,
                       const EventHandler& on_event) {
  grpc::ClientContext context;
  Interrupts::Scope scope(interrupts, context);
  return Follow(context, client.executions().RunScript(&context, request), on_event);
}

grpc::Status ConnectExecution(Client& client, const v1::ConnectExecutionRequest& request,
                              Interrupts& interrupts, const EventHandler& on_event) {
  grpc::ClientContext context;
  Interrupts::Scope scope(interrupts, context);
  return Follow(context, client.executions().ConnectExecution(&context, request), on_event);
}

}  // namespace warren
