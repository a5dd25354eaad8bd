#include "supervisor/local/local_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "runtime/policy/limits_policy.h"
#include "spdlog/spdlog.h"

namespace warren {

absl::StatusOr<std::unique_ptr<LocalBackend>> LocalBackend::Create(IoLoop& loop, Parts parts) {
  std::map<std::string, Pool::PoolTemplate> pool_templates;
  for (const auto& [name, from] : parts.templates) {
    WARREN_ASSIGN_OR_RETURN(
        warren::v1::Limits limits,
        ResolveLimits(parts.limits_policy, warren::v1::Limits(), from.recipe.limits()));
    pool_templates.emplace(name, Pool::PoolTemplate{from, std::move(limits)});
  }
  return std::unique_ptr<LocalBackend>(
      new LocalBackend(loop, std::move(parts), std::move(pool_templates)));
}

LocalBackend::LocalBackend(IoLoop& loop, Parts parts,
                           std::map<std::string, Pool::PoolTemplate> pool_templates)
    : loop_(loop),
      templates_(std::move(parts.templates)),
      default_template_(std::move(parts.default_template)),
      modules_(std::move(parts.modules)),
      limits_policy_(std::move(parts.limits_policy)),
      link_(loop, std::move(parts.launcher)),
      table_(loop),
      host_{loop, link_, std::max(parts.facts.pace(), 1.0),
            [this](const std::string& template_id, absl::string_view module) {
              return modules_.Hint(template_id, module);
            }},
      pool_(host_, table_, std::move(parts.facts), pool_templates, std::move(parts.pool)) {
  for (auto& [name, pooled] : pool_templates) default_limits_[name] = pooled.default_limits;
}

absl::Status LocalBackend::Start(absl::AnyInvocable<void(absl::Status)> on_launcher_gone) {
  WARREN_RETURN_IF_ERROR(
      link_.Start([this](const internal::LauncherReply& event) { OnLauncherEvent(event); },
                  std::move(on_launcher_gone)));
  loop_.Post([this] { pool_.Start(); });
  return absl::OkStatus();
}

void LocalBackend::OnLauncherEvent(const internal::LauncherReply& event) {
  switch (event.body_case()) {
    case internal::LauncherReply::kZygoteExited:
      return pool_.OnZygoteExited(event.zygote_exited().zygote_id(),
                                  event.zygote_exited().reason());
    case internal::LauncherReply::kProcessExited:
      return table_.OnProcessExited(event.process_exited());
    case internal::LauncherReply::kSandboxGone:
      spdlog::debug("sandbox {}: gone", event.sandbox_gone().sandbox_id());
      table_.OnGone(event.sandbox_gone());
      return pool_.OnSandboxGone();
    default:
      spdlog::warn("the launcher sent an event of an unknown kind");
  }
}

absl::StatusOr<const Template*> LocalBackend::FindTemplate(const std::string& id) const {
  auto found = templates_.find(id);
  if (found == templates_.end()) {
    std::vector<std::string> names;
    for (const auto& [name, from] : templates_) names.push_back(name);
    return absl::NotFoundError(
        absl::StrCat("no template \"", id, "\"; there are: ", absl::StrJoin(names, ", ")));
  }
  return &found->second;
}

std::string LocalBackend::PythonVersion(const Template& from) const {
  if (!from.manifest.python_version().empty()) return from.manifest.python_version();
  return pool_.PythonVersion(from.recipe.name());
}

void LocalBackend::CreateSandbox(CreateRequest request, absl::AnyInvocable<bool()> still_wanted,
                                 CreateCallback on_created) {
  if (request.template_id.empty()) request.template_id = default_template_;
  auto from = FindTemplate(request.template_id);
  if (!from.ok()) return on_created(from.status());
  if (!(*from)->unavailable.empty()) {
    return on_created(absl::FailedPreconditionError(absl::StrCat(
        "template \"", request.template_id, "\" cannot be used: ", (*from)->unavailable)));
  }
  auto limits = ResolveLimits(limits_policy_, request.limits, (*from)->recipe.limits());
  if (!limits.ok()) return on_created(limits.status());
  const bool common =
      limits->SerializeAsString() == default_limits_.at(request.template_id).SerializeAsString();
  if (common) {
    if (auto sandbox = pool_.Take(request.template_id)) {
      return Deliver(std::move(request), std::move(sandbox), {}, true, still_wanted, on_created);
    }
  }
  std::string template_id = request.template_id;
  pool_.Make(template_id, *limits,
             [this, request = std::move(request), still_wanted = std::move(still_wanted),
              on_created = std::move(on_created)](absl::StatusOr<Pool::Made> made) mutable {
               if (!made.ok()) return on_created(made.status());
               Deliver(std::move(request), std::move(made->sandbox), std::move(made->stages), false,
                       still_wanted, on_created);
             });
}

void LocalBackend::Deliver(CreateRequest request, std::shared_ptr<Sandbox> sandbox,
                           std::vector<warren::v1::StageTiming> stages, bool from_pool,
                           absl::AnyInvocable<bool()>& still_wanted, CreateCallback& on_created) {
  if (!still_wanted()) {
    pool_.GiveBack(std::move(sandbox));
    return on_created(absl::CancelledError("the client went away"));
  }
  Lease lease;
  lease.sandbox = std::move(sandbox);
  lease.metadata = std::move(request.metadata);
  lease.stages = std::move(stages);
  lease.from_pool = from_pool;
  lease = table_.Publish(std::move(lease), request.lifetime);
  spdlog::info("sandbox {}: leased, template {}, {}", lease.sandbox->identity().id,
               request.template_id, from_pool ? "from the pool" : "made on demand");
  on_created(std::move(lease));
}

absl::StatusOr<Lease> LocalBackend::FindSandbox(const std::string& id) const {
  auto lease = table_.Find(id);
  if (!lease) {
    return absl::NotFoundError(
        "no such sandbox: it never was, was destroyed, or its lifetime ended");
  }
  return *std::move(lease);
}

absl::StatusOr<Lease> LocalBackend::SetLifetime(const std::string& id, absl::Duration lifetime) {
  auto lease = table_.SetLifetime(id, lifetime);
  if (!lease) return FindSandbox(id).status();
  return *std::move(lease);
}

absl::StatusOr<LocalBackend::Destroyed> LocalBackend::DestroySandbox(const std::string& id) {
  auto lease = table_.Remove(id);
  if (!lease) return FindSandbox(id).status();
  Destroyed result;
  result.totals = lease->sandbox->ReadTotals();
  lease->sandbox->Destroy(StopReason::kDestroyed);
  spdlog::info("sandbox {}: destroyed by its client", id);
  result.lease = *std::move(lease);
  return result;
}

void LocalBackend::BeginShutdown() { pool_.Stop(); }

void LocalBackend::EndExecutions() {
  for (const Lease& lease : table_.List()) lease.sandbox->Destroy(StopReason::kShutdown);
}

bool LocalBackend::CloseLauncher(absl::Duration timeout) {
  link_.Close();
  return link_.WaitForExit(timeout);
}

}  // namespace warren
