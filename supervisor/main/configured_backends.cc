#include "supervisor/main/configured_backends.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "runtime/packages/package_policy.h"
#include "spdlog/spdlog.h"
#include "supervisor/e2b/e2b_backend.h"
#include "supervisor/failover/loop_timers.h"
#include "supervisor/remote/remote_backend.h"

namespace warren {
namespace {

MemberSpec Begin(const config::Backend& backend, v1::BackendStatus::Kind kind) {
  MemberSpec spec;
  spec.name = backend.name();
  spec.kind = kind;
  spec.circuit = backend.circuit();
  return spec;
}

MemberSpec MakeRemote(const config::Backend& backend, const BackendSecrets& secrets) {
  const config::RemoteBackend& remote = backend.remote();
  RemoteOptions options;
  options.target = remote.address();
  options.name = backend.name();
  options.key = secrets.key;
  options.channels = remote.channels();
  if (remote.has_tls()) {
    options.tls = RemoteTls{secrets.tls_authorities, remote.tls().server_name(),
                            secrets.tls_certificate, secrets.tls_key};
  }
  MemberSpec spec = Begin(backend, v1::BackendStatus::REMOTE);
  spec.backend = RemoteBackend::Connect(options);
  return spec;
}

// Whatever a backend's object depends on; its circuit is changed without a new one.
std::string MadeOf(config::Backend backend, const BackendSecrets& secrets) {
  backend.clear_circuit();
  return absl::StrCat(backend.SerializeAsString(), "\n", secrets.key, "\n", secrets.tls_authorities,
                      "\n", secrets.tls_certificate, "\n", secrets.tls_key);
}

void SetBudget(const config::E2bBackend& e2b, std::shared_ptr<E2bBackend> cloud, MemberSpec& spec) {
  if (!e2b.has_budget()) return;
  spec.budget = [cloud = std::move(cloud)] {
    UsageMeter& meter = cloud->meter();
    const absl::Duration used = meter.Used(absl::Now());
    return BudgetState{used, meter.limit(), used >= meter.limit()};
  };
}

// Of what is there.
MemberSpec MakeAgain(const config::Backend& backend, std::shared_ptr<Backend> there) {
  MemberSpec spec =
      Begin(backend, backend.has_e2b() ? v1::BackendStatus::E2B : v1::BackendStatus::REMOTE);
  if (backend.has_e2b())
    SetBudget(backend.e2b(), std::static_pointer_cast<E2bBackend>(there), spec);
  spec.backend = std::move(there);
  return spec;
}

}  // namespace

absl::StatusOr<BackendPlan> BackendPlan::Read(const std::string& path) {
  BackendPlan plan;
  if (path.empty()) return plan;
  WARREN_ASSIGN_OR_RETURN(LoadedConfiguration loaded, LoadConfiguration(path));
  plan.local_name_.clear();
  for (const config::Backend& backend : loaded.configuration.backends()) {
    if (backend.has_local()) plan.local_name_ = backend.name();
  }
  return plan;
}

absl::StatusOr<std::unique_ptr<ConfiguredBackends>> ConfiguredBackends::Make(Parts parts,
                                                                             IoLoop& loop) {
  return std::unique_ptr<ConfiguredBackends>(new ConfiguredBackends(std::move(parts), loop));
}

ConfiguredBackends::ConfiguredBackends(Parts parts, IoLoop& loop) : parts_(std::move(parts)) {
  FailoverBackend::Options options;
  options.timers = std::make_shared<LoopTimers>(loop);
  options.pace = parts_.pace;
  failover_ = std::make_unique<FailoverBackend>(std::move(options));
}

absl::Status ConfiguredBackends::Load() {
  WARREN_ASSIGN_OR_RETURN(LoadedConfiguration loaded, LoadConfiguration(parts_.path));
  std::map<std::string, Made> made;
  std::vector<MemberSpec> members;
  for (const config::Backend& backend : loaded.configuration.backends()) {
    if (backend.has_failover()) continue;
    const BackendSecrets& secrets = loaded.secrets.at(backend.name());
    Made each{MadeOf(backend, secrets), {}};
    auto earlier = made_.find(backend.name());
    if (earlier != made_.end() && earlier->second.made_of == each.made_of) {
      each.spec = earlier->second.spec;
      each.spec.circuit = backend.circuit();
    } else if (std::shared_ptr<Backend> there = FindRetired(each.made_of)) {
      each.spec = MakeAgain(backend, std::move(there));
    } else {
      WARREN_ASSIGN_OR_RETURN(each.spec, MakeMember(backend, secrets));
    }
    members.push_back(each.spec);
    made[backend.name()] = std::move(each);
  }
  WARREN_RETURN_IF_ERROR(failover_->Configure(loaded.configuration, members));
  for (const auto& [name, earlier] : made_) {
    auto now = made.find(name);
    if (now == made.end() || now->second.spec.backend != earlier.spec.backend)
      retired_.push_back({earlier.made_of, earlier.spec.backend});
  }
  made_ = std::move(made);
  retired_.erase(std::remove_if(retired_.begin(), retired_.end(),
                                [](const Retired& each) { return each.backend.expired(); }),
                 retired_.end());
  spdlog::info("event=config_loaded backends={} routes={}", loaded.configuration.backends_size(),
               loaded.configuration.routes_size());
  return absl::OkStatus();
}

std::shared_ptr<Backend> ConfiguredBackends::FindRetired(const std::string& made_of) const {
  for (const Retired& each : retired_) {
    if (each.made_of != made_of) continue;
    if (std::shared_ptr<Backend> there = each.backend.lock()) return there;
  }
  return nullptr;
}

absl::StatusOr<MemberSpec> ConfiguredBackends::MakeMember(const config::Backend& backend,
                                                          const BackendSecrets& secrets) const {
  if (backend.has_remote()) return MakeRemote(backend, secrets);
  if (backend.has_e2b()) return MakeCloud(backend, secrets);
  if (parts_.local == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("backend ", backend.name(),
                     " is this machine, for which the server must be started anew: a launcher is "
                     "started with it alone"));
  }
  MemberSpec spec = Begin(backend, v1::BackendStatus::LOCAL);
  // Owned elsewhere.
  spec.backend = std::shared_ptr<Backend>(std::shared_ptr<void>(), parts_.local);
  return spec;
}

absl::StatusOr<MemberSpec> ConfiguredBackends::MakeCloud(const config::Backend& backend,
                                                         const BackendSecrets& secrets) const {
  const config::E2bBackend& e2b = backend.e2b();
  CloudOptions options;
  options.name = backend.name();
  options.key = secrets.key;
  options.domain = e2b.domain();
  options.api_url =
      e2b.api_url().empty() ? absl::StrCat("https://api.", e2b.domain()) : e2b.api_url();
  options.sandbox_url = e2b.sandbox_url();
  for (const config::TemplateName& each : e2b.templates())
    options.templates[each.template_id()] = each.cloud_template();
  options.default_template = e2b.default_template();
  for (const config::WarmSandboxes& each : e2b.warm())
    options.warm[each.template_id()] = each.ready();
  const std::string policy = absl::StartsWith(e2b.package_policy(), "/")
                                 ? e2b.package_policy()
                                 : absl::StrCat(parts_.prefix, "/share/warren/policies/packages/",
                                                e2b.package_policy(), ".textproto");
  WARREN_ASSIGN_OR_RETURN(options.package_policy, LoadPackagePolicy(policy));
  options.http.tls = {secrets.tls_authorities, e2b.tls().server_name(), secrets.tls_certificate,
                      secrets.tls_key};
  options.http.connections = {e2b.call_connections(), e2b.cell_connections(),
                              e2b.stream_connections()};
  options.pace = parts_.pace;
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<E2bBackend> made,
                          E2bBackend::Make(std::move(options), e2b.budget()));
  std::shared_ptr<E2bBackend> cloud = std::move(made);
  MemberSpec spec = Begin(backend, v1::BackendStatus::E2B);
  SetBudget(e2b, cloud, spec);
  spec.backend = std::move(cloud);
  return spec;
}

}  // namespace warren
