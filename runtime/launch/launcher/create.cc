#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/launch/launcher/host_template.h"
#include "runtime/launch/launcher/launcher.h"
#include "runtime/linux/host_facts.h"
#include "runtime/linux/memfd.h"
#include "runtime/linux/process.h"
#include "runtime/linux/socket_lookup.h"
#include "runtime/plan/importable_modules.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/policy/limits_policy.h"
#include "spdlog/spdlog.h"

// What the launcher does once, before it serves.
namespace warren {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::map<std::string, LaunchTemplate>> FindTemplates(const std::string& prefix,
                                                                    const std::string& store) {
  WARREN_ASSIGN_OR_RETURN(auto found, LoadTemplates(prefix + "/share/warren/rootfs", store));
  std::map<std::string, LaunchTemplate> templates;
  for (auto& [name, source] : found) {
    source.modules = ImportableModules(source);
    LaunchTemplate launch{std::move(source), {}};
    if (launch.source.recipe.has_host()) {
      WARREN_ASSIGN_OR_RETURN(launch.source.rootfs, MakeHostTemplate(launch.source, store));
    }
    for (const TemplatePart& part : TemplateParts(launch.source.recipe)) {
      launch.part_paths.push_back(part.target == "/" ? launch.source.rootfs : part.target);
    }
    templates.emplace(name, std::move(launch));
  }
  return templates;
}

// Every template's own limits must fit the policy: better said now than at each create.
absl::StatusOr<config::LimitsPolicy> LoadLimits(
    const std::string& prefix, const std::string& name,
    const std::map<std::string, LaunchTemplate>& templates) {
  const fs::path path =
      fs::path(prefix) / "share/warren/policies/limits" / absl::StrCat(name, ".textproto");
  WARREN_ASSIGN_OR_RETURN(config::LimitsPolicy policy, LoadLimitsPolicy(path));
  for (const auto& [id, launch] : templates) {
    absl::Status status =
        ResolveLimits(policy, v1::Limits(), launch.source.recipe.limits()).status();
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("template ", id, ": ", status.message()));
    }
  }
  return policy;
}

// However many sandboxes are asked for, with whatever limits the policy allows, the host keeps
// something for itself.
CgroupTotals Totals(const LauncherConfig& config, const internal::HostFacts& facts) {
  return {config.memory_total > 0 ? config.memory_total : facts.memory_bytes() / 10 * 9,
          config.pids_total > 0 ? config.pids_total : facts.processes() / 10 * 9};
}

// Each process of a sandbox has the policy's most of RLIMIT_NPROC, and none of them can raise what
// it has from here: where the host gives its services less, this does.
absl::Status AllowProcesses(int32_t most) {
  rlimit limit;
  if (::getrlimit(RLIMIT_NPROC, &limit) != 0) return Errno("read RLIMIT_NPROC");
  const auto wanted = static_cast<rlim_t>(most);
  if (limit.rlim_max >= wanted) return absl::OkStatus();
  const rlim_t had = std::exchange(limit.rlim_max, wanted);
  if (::setrlimit(RLIMIT_NPROC, &limit) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      Errno("raise RLIMIT_NPROC").message(), ": its hard limit is ", had,
      ", and the limits policy allows ", wanted,
      " processes: raise it for the launcher (ulimit -Hu), or lower maximum.pids there"));
}

// Before the launcher gives up what it takes.
std::optional<SocketLookup> MakeLookup(uint32_t sandboxes, const internal::HostFacts& facts) {
  if (!facts.socket_lookup()) return std::nullopt;
  // Slot 0 is nobody's.
  absl::StatusOr<SocketLookup> lookup = SocketLookup::Create(sandboxes + 1);
  if (lookup.ok()) return *std::move(lookup);
  spdlog::warn("event=no_socket_map error=\"{}\"", absl::CEscape(lookup.status().message()));
  return std::nullopt;
}

// Attached for good to the anchor's namespace, in which nothing listens; where that fails there is
// no lookup after all.
UniqueFd AttachIdleLookup(const AnchorClient& anchor, uint32_t layers_off,
                          std::optional<SocketLookup>& lookup) {
  // The anchor's is the host's then.
  if (!lookup || LayerIsOff(layers_off, TestLayer::kNetNamespace)) return {};
  absl::StatusOr<UniqueFd> link = anchor.OpenNetworkNamespace();
  if (link.ok()) link = lookup->Attach(link->get(), 0, {});
  if (link.ok()) return *std::move(link);
  spdlog::warn("event=socket_lookup_not_attached error=\"{}\"",
               absl::CEscape(link.status().message()));
  lookup.reset();
  return {};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Launcher>> Launcher::Create(const LauncherConfig& config) {
  if (::geteuid() != 0) {
    return absl::PermissionDeniedError(
        "the launcher must start as root: it makes namespaces, mounts and cgroups");
  }
  WARREN_ASSIGN_OR_RETURN(std::string instance, ProcessName(::getpid()));
  WARREN_ASSIGN_OR_RETURN(internal::HostFacts facts, DetectHostFacts());
  facts.set_slots(static_cast<int32_t>(config.max_sandboxes));
  if (config.no_socket_lookup) facts.set_socket_lookup(false);
  SweepDeadInstances(facts, config.cgroup_parent);
  WARREN_ASSIGN_OR_RETURN(
      Janitor janitor,
      Janitor::Start({facts, config.cgroup_parent, instance, config.sockets}, config.socket));
  std::optional<SocketLookup> lookup = MakeLookup(config.max_sandboxes, facts);
  WARREN_RETURN_IF_ERROR(KeepLauncherCapabilities());
  WARREN_ASSIGN_OR_RETURN(EventLoop loop, EventLoop::Create());
  WARREN_ASSIGN_OR_RETURN(IdZones ids, IdZones::Take(config.max_sandboxes));
  WARREN_ASSIGN_OR_RETURN(auto templates, FindTemplates(config.prefix, config.store));
  WARREN_ASSIGN_OR_RETURN(config::LimitsPolicy limits,
                          LoadLimits(config.prefix, config.limits_policy, templates));
  WARREN_RETURN_IF_ERROR(AllowProcesses(limits.maximum().pids()));
  WARREN_ASSIGN_OR_RETURN(ProcessProfiles profiles,
                          ProcessProfiles::Load(config.prefix + "/share/warren/policies"));
  WARREN_ASSIGN_OR_RETURN(NetworkPresets presets,
                          LoadNetworkPresets(config.prefix + "/share/warren/policies/network"));
  WARREN_ASSIGN_OR_RETURN(CgroupTree cgroups,
                          CgroupTree::Create(facts, config.cgroup_parent, instance));
  WARREN_RETURN_IF_ERROR(cgroups.Limit(Totals(config, facts)));
  WARREN_ASSIGN_OR_RETURN(
      AnchorClient anchor,
      AnchorClient::Start(config.prefix + "/bin/warren-init", ids, config.layers_off));
  UniqueFd idle_lookup = AttachIdleLookup(anchor, config.layers_off, lookup);
  facts.set_socket_lookup(lookup.has_value());
  WARREN_ASSIGN_OR_RETURN(FoundServices services, FindServices(config, ids, anchor));
  facts.set_package_index(services.packages_unavailable.empty());
  WARREN_ASSIGN_OR_RETURN(std::string agent, ReadFile(config.prefix + "/bin/warren-agent"));
  WARREN_ASSIGN_OR_RETURN(UniqueFd agent_program, SealedMemfd("warren-agent", agent));
  LaunchResources resources{facts,
                            std::move(cgroups),
                            std::move(anchor),
                            std::move(profiles),
                            std::move(agent_program),
                            config.prefix + "/share/warren/worker",
                            config.prefix + "/share/warren/tools",
                            config.layers_off,
                            std::move(lookup)};
  return std::unique_ptr<Launcher>(
      new Launcher(config, {std::move(loop), std::move(ids), std::move(janitor),
                            std::move(resources), std::move(templates), std::move(limits),
                            std::move(presets), std::move(services), std::move(idle_lookup)}));
}

}  // namespace warren
