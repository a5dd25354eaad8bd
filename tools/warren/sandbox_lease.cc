#include "tools/warren/sandbox_lease.h"

#include <utility>

#include "supervisor/base/proto_time.h"
#include "tools/warren/executions.h"

namespace warren {
grpc::Status SandboxLease::Create(Client& client, const v1::CreateSandboxRequest& request,
                                  std::unique_ptr<SandboxLease>* lease) {
  grpc::ClientContext context;
  SetDeadline(context, kCreateTimeout);
  v1::Sandbox sandbox;
  grpc::Status status = client.sandboxes().CreateSandbox(&context, request, &sandbox);
  if (status.ok()) lease->reset(new SandboxLease(client, std::move(sandbox)));
  return status;
}

SandboxLease::~SandboxLease() {
  if (!released_) Destroy();
}

grpc::Status SandboxLease::Run(const Cell& cell, Interrupts& interrupts,
                               const EventHandler& on_event) {
  v1::ExecuteCodeRequest request;
  request.set_sandbox_id(sandbox_.sandbox_id());
  request.set_code(cell.code);
  *request.mutable_timeout() = ToProto(cell.timeout);
  request.set_max_output_bytes(cell.max_output_bytes);
  return ExecuteCode(client_, request, cell.timeout + kRunSlack, interrupts, on_event);
}

v1::Sandbox SandboxLease::Keep() {
  released_ = true;
  return sandbox_;
}

grpc::Status SandboxLease::Destroy() {
  released_ = true;
  v1::DestroySandboxRequest request;
  request.set_sandbox_id(sandbox_.sandbox_id());
  v1::DestroySandboxResponse response;
  return CallUnary(client_.sandboxes(), &v1::SandboxService::Stub::DestroySandbox, request,
                   &response);
}

}  // namespace warren
