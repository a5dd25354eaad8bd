#include "tools/warren/chosen_sandbox.h"

#include "tools/warren/report.h"

namespace warren {

grpc::Status ChosenSandbox::Choose(Client& client, const SandboxChoice& choice,
                                   std::unique_ptr<ChosenSandbox>* chosen) {
  std::unique_ptr<ChosenSandbox> made(new ChosenSandbox(client, choice.sandbox_id));
  if (choice.sandbox_id.empty()) {
    grpc::Status status = SandboxLease::Create(client, choice.create, &made->lease_);
    if (!status.ok()) return status;
  }
  *chosen = std::move(made);
  return grpc::Status::OK;
}

void ChosenSandbox::Release() {
  if (lease_ == nullptr) return;
  grpc::Status status = lease_->Destroy();
  // NOT_FOUND: it is gone already, which is what was wanted.
  if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) {
    FailCall(client_, "destroy the sandbox", status);
  }
}

}  // namespace warren
