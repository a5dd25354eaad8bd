#include "tools/warren/sandbox_lease.h"

#include <utility>

#include "supervisor/base/proto_time.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

// A pool that is empty and a zygote that has to import its libraries first take seconds.
constexpr absl::Duration kCreateTimeout = absl::Seconds(300);
constexpr absl::Duration kDestroyTimeout = absl::Seconds(60);
// What a cell may take beyond its own timeout: waiting for its turn, the grace period, its last
// output.
constexpr absl::Duration kRunSlack = absl::Seconds(300);

}  // namespace

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
  if (!destroyed_) Destroy();
}

grpc::Status SandboxLease::Run(const Cell& cell, Interrupts& interrupts,
                               const EventHandler& on_event) {
  grpc::ClientContext context;
  SetDeadline(context, cell.timeout + kRunSlack);
  Interrupts::Scope scope(interrupts, context);
  v1::ExecuteCodeRequest request;
  request.set_sandbox_id(sandbox_.sandbox_id());
  request.set_code(cell.code);
  *request.mutable_timeout() = ToProto(cell.timeout);
  request.set_max_output_bytes(cell.max_output_bytes);
  auto stream = client_.executions().ExecuteCode(&context, request);
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

grpc::Status SandboxLease::Destroy() {
  destroyed_ = true;
  grpc::ClientContext context;
  SetDeadline(context, kDestroyTimeout);
  v1::DestroySandboxRequest request;
  request.set_sandbox_id(sandbox_.sandbox_id());
  v1::DestroySandboxResponse response;
  return client_.sandboxes().DestroySandbox(&context, request, &response);
}

}  // namespace warren
