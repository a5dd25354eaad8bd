#include "supervisor/failover/renamed_sandbox.h"

#include <utility>

namespace warren {

Reply<v1::Sandbox> RenamedSandbox::Renaming(Reply<v1::Sandbox> reply) const {
  return [name = name_, reply = std::move(reply)](absl::StatusOr<v1::Sandbox> answer) mutable {
    if (answer.ok()) {
      answer->set_sandbox_id(name->id);
      answer->set_backend(name->backend);
      answer->set_recreations(name->recreations);
    }
    reply(std::move(answer));
  };
}

Reply<v1::Context> RenamedSandbox::Renaming(Reply<v1::Context> reply) const {
  return [name = name_, reply = std::move(reply)](absl::StatusOr<v1::Context> answer) mutable {
    if (answer.ok()) answer->set_sandbox_id(name->id);
    reply(std::move(answer));
  };
}

void RenamedSandbox::Get(const Call& call, Reply<v1::Sandbox> reply) {
  inner_->Get(call, Renaming(Reply<v1::Sandbox>([name = name_, reply = std::move(reply)](
                                                    absl::StatusOr<v1::Sandbox> answer) mutable {
                if (absl::IsNotFound(answer.status())) name->on_gone();
                reply(std::move(answer));
              })));
}

void RenamedSandbox::SetLifetime(const Call& call, const v1::SetSandboxLifetimeRequest& request,
                                 Reply<v1::Sandbox> reply) {
  inner_->SetLifetime(call, request, Renaming(std::move(reply)));
}

void RenamedSandbox::Destroy(const Call& call, Reply<v1::DestroySandboxResponse> reply) {
  inner_->Destroy(call, [name = name_, reply = std::move(reply)](
                            absl::StatusOr<v1::DestroySandboxResponse> answer) mutable {
    if (answer.ok() || absl::IsNotFound(answer.status())) name->on_gone();
    reply(std::move(answer));
  });
}

void RenamedSandbox::Pause(const Call& call, Reply<v1::Sandbox> reply) {
  inner_->Pause(call, Renaming(std::move(reply)));
}

void RenamedSandbox::Unpause(const Call& call, const v1::ResumeSandboxRequest& request,
                             Reply<v1::Sandbox> reply) {
  inner_->Unpause(call, request, Renaming(std::move(reply)));
}

void RenamedSandbox::ChangeLimits(const Call& call, const v1::ChangeSandboxLimitsRequest& request,
                                  Reply<v1::Sandbox> reply) {
  inner_->ChangeLimits(call, request, Renaming(std::move(reply)));
}

void RenamedSandbox::SetNetwork(const Call& call, const v1::SetSandboxNetworkRequest& request,
                                Reply<v1::Sandbox> reply) {
  inner_->SetNetwork(call, request, Renaming(std::move(reply)));
}

void RenamedSandbox::CreateContext(const Call& call, const v1::CreateContextRequest& request,
                                   Reply<v1::Context> reply) {
  inner_->CreateContext(call, request, Renaming(std::move(reply)));
}

void RenamedSandbox::ListContexts(const Call& call, Reply<v1::ListContextsResponse> reply) {
  inner_->ListContexts(call, [name = name_, reply = std::move(reply)](
                                 absl::StatusOr<v1::ListContextsResponse> answer) mutable {
    if (answer.ok()) {
      for (v1::Context& context : *answer->mutable_contexts()) context.set_sandbox_id(name->id);
    }
    reply(std::move(answer));
  });
}

void RenamedSandbox::RestartContext(const Call& call, const std::string& context_id,
                                    Reply<v1::Context> reply) {
  inner_->RestartContext(call, context_id, Renaming(std::move(reply)));
}

}  // namespace warren
