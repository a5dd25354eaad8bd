#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/local/lease_proto.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"
#include "supervisor/session/ids.h"

// Contexts beside a sandbox's first one: made, restarted, deleted.
namespace warren {
namespace {

std::string Absolute(const std::string& directory) {
  if (directory.empty()) return kDefaultDirectory;
  return absl::StartsWith(directory, "/") ? directory
                                          : absl::StrCat(kDefaultDirectory, "/", directory);
}

}  // namespace

absl::Status LocalSandbox::CheckLanguage(const std::string& language) const {
  const auto languages = backend_.pool().Languages(sandbox_->identity().template_id);
  if (std::find(languages.begin(), languages.end(), language) != languages.end()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "language is not one that the sandbox's template has: ", absl::StrJoin(languages, ", ")));
}

void LocalSandbox::CreateContext(const Call&, const warren::v1::CreateContextRequest& from,
                                 Reply<warren::v1::Context> reply) {
  warren::v1::CreateContextRequest request = from;
  absl::Status status = ValidateCreateContext(request);
  status.Update(CheckUsable());
  if (status.ok()) status = CheckLanguage(request.language());
  if (!status.ok()) return reply(status);
  request.clear_sandbox_id();
  const std::string request_id = request.request_id();
  if (request_id.empty()) return MakeContext(request, std::move(reply));
  auto begun = context_requests_.Begin(request_id, Fingerprint(request), reply);
  if (!begun.ok()) return reply(begun.status());
  if (begun->next == ContextRequests::Next::kWait) return;
  if (begun->next == ContextRequests::Next::kMade) {
    if (auto context = sandbox_->FindContext(begun->context_id)) {
      return reply(ToProto(id(), *context));
    }
    // It was deleted: the id went with it.
    context_requests_.ForgetContext(begun->context_id);
    return CreateContext({}, from, std::move(reply));
  }
  MakeContext(request, [self = shared_from_this(), request_id, reply = std::move(reply)](
                           absl::StatusOr<warren::v1::Context> made) mutable {
    self->context_requests_.Made(request_id, made);
    reply(std::move(made));
  });
}

void LocalSandbox::MakeContext(const warren::v1::CreateContextRequest& request,
                               Reply<warren::v1::Context> reply) {
  ContextSpec spec;
  spec.language = request.language();
  spec.working_directory = Absolute(request.working_directory());
  for (const auto& [name, value] : request.env()) spec.env[name] = value;
  const auto common = sandbox_->env();
  spec.env.insert(common->begin(), common->end());
  spec.created_at = absl::Now();
  StartOnLent(
      NewId("cx"),
      [sandbox = sandbox_, spec = std::move(spec)](const std::string& context_id, uint64_t zygote,
                                                   Sandbox::ReadyCallback ready) {
        return sandbox->StartContext(context_id, zygote, std::move(ready), spec);
      },
      std::move(reply));
}

void LocalSandbox::RestartContext(const Call&, const std::string& context_id,
                                  Reply<warren::v1::Context> reply) {
  if (absl::Status status = CheckUsable(); !status.ok()) return reply(status);
  auto context = FindContext(context_id);
  if (!context.ok()) return reply(context.status());
  StartOnLent(
      (*context)->id(),
      [sandbox = sandbox_](const std::string& id, uint64_t zygote, Sandbox::ReadyCallback ready) {
        return sandbox->RestartContext(id, zygote, std::move(ready));
      },
      std::move(reply));
}

template <class Start>
void LocalSandbox::StartOnLent(std::string context_id, Start start,
                               Reply<warren::v1::Context> reply) {
  Pool& pool = backend_.pool();
  const std::string& template_id = sandbox_->identity().template_id;
  // Holds the sandbox, not this, which may go meanwhile.
  pool.Lend(template_id, [&pool, sandbox = sandbox_, context_id = std::move(context_id),
                          start = std::move(start),
                          reply = std::move(reply)](absl::StatusOr<uint64_t> zygote) mutable {
    if (!zygote.ok()) return reply(zygote.status());
    auto shared = std::make_shared<Reply<warren::v1::Context>>(std::move(reply));
    auto done = [&pool, sandbox, context_id, zygote = *zygote, shared](absl::Status status) {
      pool.GiveZygoteBack(sandbox->identity().template_id, zygote);
      auto context = status.ok() ? sandbox->FindContext(context_id) : nullptr;
      if (status.ok() && context == nullptr) {
        status = absl::FailedPreconditionError("the context was deleted as it became ready");
      }
      if (!status.ok()) return (*shared)(status);
      spdlog::info("event=context_started sandbox={} context={}", sandbox->identity().id,
                   context_id);
      (*shared)(ToProto(sandbox->identity().id, *context));
    };
    if (absl::Status refused = start(context_id, *zygote, done); !refused.ok()) done(refused);
  });
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

void LocalSandbox::DeleteContext(const Call&, const std::string& context_id,
                                 Reply<warren::v1::DeleteContextResponse> reply) {
  auto lease = FindLease();
  if (!lease.ok()) return reply(lease.status());
  auto context = FindContext(context_id);
  absl::Status status = context.ok() ? sandbox_->DeleteContext((*context)->id()) : context.status();
  if (!status.ok()) return reply(status);
  context_requests_.ForgetContext((*context)->id());
  reply(warren::v1::DeleteContextResponse());
}

}  // namespace warren
