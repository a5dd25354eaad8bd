#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/policy/limits_policy.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/local/lease_proto.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"
#include "supervisor/session/disk_use.h"

// A leased sandbox that is paused, given other limits, measured.
namespace warren {
namespace {

// Of what was done to a sandbox, which may be off the record by now.
void Answer(LeaseRef lease, LocalBackend& backend, const std::string& id,
            Reply<warren::v1::Sandbox>& reply) {
  if (!lease) return reply(backend.FindLease(id).status());
  reply(ToProto(*lease, MemoryReading::kNone));
}

}  // namespace

absl::Status LocalSandbox::CheckAlive() const {
  WARREN_RETURN_IF_ERROR(FindLease().status());
  const std::string reason = sandbox_->death_reason();
  if (reason.empty() && sandbox_->alive()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("sandbox ", id(), " is dead: ", reason.empty() ? "it is being killed" : reason,
                   "; create a new one"));
}

void LocalSandbox::Pause(const Call&, Reply<warren::v1::Sandbox> reply) {
  if (absl::Status status = CheckAlive(); !status.ok()) return reply(status);
  sandbox_->Pause(
      [backend = &backend_, id = id(), reply = std::move(reply)](absl::Status status) mutable {
        if (!status.ok()) return reply(std::move(status));
        Answer(backend->table().NotePaused(id), *backend, id, reply);
      });
}

void LocalSandbox::Unpause(const Call&, const warren::v1::ResumeSandboxRequest& request,
                           Reply<warren::v1::Sandbox> reply) {
  absl::Status status = ValidateResume(request);
  if (status.ok()) status = CheckAlive();
  if (!status.ok()) return reply(std::move(status));
  std::optional<absl::Duration> lifetime;
  if (request.has_lifetime()) lifetime = ToDuration(request.lifetime());
  sandbox_->Resume([backend = &backend_, id = id(), lifetime,
                    reply = std::move(reply)](absl::Status resumed) mutable {
    if (!resumed.ok()) return reply(std::move(resumed));
    Answer(backend->table().NoteResumed(id, lifetime), *backend, id, reply);
  });
}

void LocalSandbox::ChangeLimits(const Call&, const warren::v1::ChangeSandboxLimitsRequest& request,
                                Reply<warren::v1::Sandbox> reply) {
  absl::Status status = CheckAlive();
  if (status.ok()) {
    // The launcher asks the same of its own policy; what it knows nothing of is refused here.
    status =
        warren::ChangeLimits(backend_.limits_policy(), sandbox_->CurrentLimits(), request.limits())
            .status();
  }
  if (!status.ok()) return reply(std::move(status));
  sandbox_->ChangeLimits(request.limits(), [backend = &backend_, id = id(),
                                            reply = std::move(reply)](absl::Status done) mutable {
    if (!done.ok()) return reply(std::move(done));
    spdlog::info("event=limits_changed sandbox={}", id);
    Answer(backend->table().Find(id), *backend, id, reply);
  });
}

void LocalSandbox::GetMetrics(const Call&, Reply<warren::v1::SandboxMetrics> reply) {
  auto lease = FindLease();
  if (!lease.ok()) return reply(lease.status());
  backend_.loop().Post([host = &backend_.host(), sandbox = sandbox_,
                        reply = std::move(reply)]() mutable {
    DiskUse::Ask(*host, sandbox,
                 [sandbox, reply = std::move(reply)]() mutable { reply(sandbox->ReadMetrics()); });
  });
}

}  // namespace warren
