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
std::string MadeOf(config::Backend backend, const BackendSecrets& secrets,
                   const config::PackagePolicy& policy) {
  backend.clear_circuit();
  return absl::StrCat(backend.SerializeAsString(), "\n", secrets.key, "\n", secrets.tls_authorities,
                      "\n", secrets.tls_certificate, "\n", secrets.tls_key, "\n",
                      policy.SerializeAsString());
}

std::shared_ptr<E2bBackend> CloudOf(const MemberSpec& spec) {
  return spec.kind == v1::BackendStatus::E2B ? std::static_pointer_cast<E2bBackend>(spec.backend)
                                             : nullptr;
}

void SetBudget(const config::E2bBackend& e2b, std::shared_ptr<E2bBackend> cloud, MemberSpec& spec) {
  if (!e2b.has_budget()) return;
  spec.budget = [cloud = std::move(cloud)] {
    UsageMeter& meter = cloud->meter();
    const absl::Duration used = meter.Used(absl::Now());
    return BudgetState{used, meter.limit(), used >= meter.limit()};
  };
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
    WARREN_ASSIGN_OR_RETURN(Needs needs, ReadNeeds(backend, loaded.secrets.at(backend.name())));
    Made each{MadeOf(backend, needs.secrets, needs.package_policy), {}};
    auto earlier = made_.find(backend.name());
    if (earlier != made_.end() && earlier->second.made_of == each.made_of) {
      each.spec = earlier->second.spec;
      each.spec.circuit = backend.circuit();
    } else if (std::shared_ptr<Backend> there = FindRetired(each.made_of)) {
      each.spec = Begin(backend, v1::BackendStatus::REMOTE);
      each.spec.backend = std::move(there);
    } else {
      // The one in its place reads what it has counted.
      if (earlier != made_.end()) {
        if (const auto cloud = CloudOf(earlier->second.spec)) cloud->Save();
      }
      WARREN_ASSIGN_OR_RETURN(each.spec, MakeMember(backend, needs));
    }
    members.push_back(each.spec);
    made[backend.name()] = std::move(each);
  }
  WARREN_RETURN_IF_ERROR(failover_->Configure(loaded.configuration, members));
  RetireWhatIsGone(made);
  made_ = std::move(made);
  spdlog::info("event=config_loaded backends={} routes={}", loaded.configuration.backends_size(),
               loaded.configuration.routes_size());
  return absl::OkStatus();
}

void ConfiguredBackends::RetireWhatIsGone(const std::map<std::string, Made>& now) {
  for (auto& [name, earlier] : made_) {
    auto there = now.find(name);
    if (there != now.end() && there->second.spec.backend == earlier.spec.backend) continue;
    if (const auto cloud = CloudOf(earlier.spec)) cloud->Retire();
    retired_.push_back({earlier.made_of, std::move(earlier.spec.backend)});
    // It has the backend too.
    earlier.spec.budget = nullptr;
  }
  const auto is_of_no_use = [&now](const Retired& each) {
    for (const auto& [name, made] : now) {
      if (made.spec.backend == each.backend) return true;
    }
    return each.backend.use_count() <= 1;
  };
  retired_.erase(std::remove_if(retired_.begin(), retired_.end(), is_of_no_use), retired_.end());
}

// A retired one of E2B's has been told that another counts in its place.
std::shared_ptr<Backend> ConfiguredBackends::FindRetired(const std::string& made_of) const {
  for (const Retired& each : retired_) {
    const bool is_remote = std::dynamic_pointer_cast<RemoteBackend>(each.backend) != nullptr;
    if (is_remote && each.made_of == made_of) return each.backend;
  }
  return nullptr;
}

absl::StatusOr<ConfiguredBackends::Needs> ConfiguredBackends::ReadNeeds(
    const config::Backend& backend, const BackendSecrets& secrets) const {
  Needs needs{secrets, {}};
  if (!backend.has_e2b()) return needs;
  const std::string& name = backend.e2b().package_policy();
  const std::string path =
      absl::StartsWith(name, "/")
          ? name
          : absl::StrCat(parts_.prefix, "/share/warren/policies/packages/", name, ".textproto");
  WARREN_ASSIGN_OR_RETURN(needs.package_policy, LoadPackagePolicy(path));
  return needs;
}

absl::StatusOr<MemberSpec> ConfiguredBackends::MakeMember(const config::Backend& backend,
                                                          const Needs& needs) const {
  if (backend.has_remote()) return MakeRemote(backend, needs.secrets);
  if (backend.has_e2b()) return MakeCloud(backend, needs);
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
                                                         const Needs& needs) const {
  const config::E2bBackend& e2b = backend.e2b();
  const BackendSecrets& secrets = needs.secrets;
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
  options.package_policy = needs.package_policy;
  options.http.tls = {secrets.tls_authorities, e2b.tls().server_name(), secrets.tls_certificate,
                      secrets.tls_key};
  options.http.connections = {e2b.call_connections(), e2b.call_connections(),
                              e2b.cell_connections(), e2b.stream_connections()};
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
