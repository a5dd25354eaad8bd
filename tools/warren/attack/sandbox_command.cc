#include "tools/warren/attack/sandbox_command.h"

#include <memory>

namespace warren::attack {

CommandResult RunCommand(Client& client, const v1::StartProcessRequest& request,
                         absl::Duration bound, Interrupts& interrupts,
                         const std::function<void(const v1::ProcessEvent::Started&)>& on_started) {
  CommandResult result;
  grpc::ClientContext context;
  SetDeadline(context, bound);
  Interrupts::Scope scope(interrupts, context);
  auto stream = client.processes().StartProcess(&context, request);
  bool exited = false;
  v1::ProcessEvent event;
  while (stream->Read(&event)) {
    if (event.has_started()) {
      on_started(event.started());
    } else if (event.has_output()) {
      result.output += event.output().data();
    } else if (event.has_exited()) {
      exited = true;
      result.end = event.exited().termination();
    }
  }
  result.status = stream->Finish();
  if (result.status.ok() && !exited) {
    result.status = {grpc::StatusCode::INTERNAL, "the command's events ended without its end"};
  }
  return result;
}

}  // namespace warren::attack
