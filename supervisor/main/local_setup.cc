#include "supervisor/main/local_setup.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/plan/launch_plan.h"
#include "spdlog/spdlog.h"
#include "supervisor/main/acceptor.h"
#include "supervisor/main/template_choice.h"

namespace warren {
namespace {

// docs/TIMING.md has them all. The launcher looks at the host, measures its pace and prepares what
// all sandboxes share: only a hang takes so long, on a host of any pace.
constexpr absl::Duration kHelloTimeout = absl::Seconds(120);

// The launcher alone reads their files.
std::map<std::string, Template> TakeTemplates(internal::LauncherOffer& offer) {
  std::map<std::string, Template> templates;
  for (internal::OfferedTemplate& offered : *offer.mutable_templates()) {
    Template& taken = templates[offered.recipe().name()];
    taken.recipe = std::move(*offered.mutable_recipe());
    taken.manifest = std::move(*offered.mutable_manifest());
    taken.digest = offered.digest();
    taken.unavailable = offered.unavailable();
    taken.modules.insert(offered.modules().begin(), offered.modules().end());
  }
  return templates;
}

NetworkPresets TakePresets(internal::LauncherOffer& offer) {
  NetworkPresets presets;
  for (config::NetworkPreset& preset : *offer.mutable_network_presets())
    presets[preset.name()] = std::move(preset);
  return presets;
}

// Better said now than at each create.
absl::Status CheckGranted(const std::string& profile, const config::TemplateRecipe& recipe) {
  const std::vector<std::string> granted = GrantedProfiles(recipe);
  if (std::count(granted.begin(), granted.end(), profile) > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("template ", recipe.name(), " grants no profile \"", profile,
                   "\": add it to its recipe, or start without --profile"));
}

PoolOptions MakePoolOptions(const Flags& flags, const internal::HostFacts& facts,
                            int64_t open_files) {
  PoolOptions options;
  options.memory_budget = flags.pool_memory_bytes;
  options.max_sandboxes = flags.max_sandboxes;
  if (facts.slots() > 0) options.max_sandboxes = std::min(options.max_sandboxes, facts.slots());
  const int by_files = MaxSandboxesByFiles(open_files);
  if (by_files < options.max_sandboxes) {
    spdlog::warn(
        "event=few_open_files files={} sandboxes={} wanted={} remedy=\"raise the hard limit, "
        "ulimit -Hn\"",
        open_files, by_files, options.max_sandboxes);
    options.max_sandboxes = by_files;
  }
  // More at the same time only makes each of them slower.
  options.max_launches = std::clamp(2 * facts.cpus(), 4, 16);
  return options;
}

}  // namespace

absl::StatusOr<LocalSetup> LocalSetup::Start(const Flags& flags, const std::string& prefix,
                                             std::vector<std::string> socket_paths) {
  LauncherOptions launcher;
  launcher.program = prefix + "/bin/warren-launcher";
  launcher.prefix = prefix;
  launcher.template_store = flags.template_store;
  launcher.cgroup_parent = flags.cgroup_parent;
  launcher.limits_policy = flags.limits_policy;
  launcher.egress_policy = flags.egress_policy;
  launcher.package_policy = flags.package_policy;
  launcher.package_indexes = flags.package_indexes;
  launcher.package_store = flags.package_store;
  launcher.package_store_bytes = flags.package_store_bytes;
  launcher.socket_paths = std::move(socket_paths);
  launcher.max_sandboxes = flags.max_sandboxes;
  LocalSetup setup;
  WARREN_ASSIGN_OR_RETURN(setup.parts_.launcher, LauncherClient::Start(launcher));
  return setup;
}

absl::Status LocalSetup::Receive(const Flags& flags, int64_t open_files) {
  LocalBackend::Parts& parts = parts_;
  WARREN_ASSIGN_OR_RETURN(LauncherClient::Hello hello, parts.launcher->ReceiveHello(kHelloTimeout));
  parts.templates = TakeTemplates(hello.offer);
  WARREN_ASSIGN_OR_RETURN(parts.default_template,
                          ChooseDefaultTemplate(flags.default_template, parts.templates));
  WARREN_RETURN_IF_ERROR(
      CheckGranted(flags.profile, parts.templates.at(parts.default_template).recipe));
  WARREN_ASSIGN_OR_RETURN(auto pools,
                          ChoosePools(flags.pool, parts.default_template, parts.templates));
  parts.modules = ModuleIndex::Of(parts.templates);
  spdlog::info("event=default_template template={}", parts.default_template);
  parts.limits_policy = std::move(*hello.offer.mutable_limits_policy());
  parts.network_presets = TakePresets(hello.offer);
  parts.network_enabled = hello.offer.network_enabled();
  parts.package_policy = hello.offer.package_policy();
  parts.packages_unavailable = hello.offer.packages_unavailable();
  parts.facts = std::move(hello.facts);
  pace_ = std::max(parts.facts.pace(), 1.0);
  // What waits for a sandbox waits so many times as long.
  spdlog::info("event=pace pace={:.1f}", pace_);
  parts.pool = MakePoolOptions(flags, parts.facts, open_files);
  parts.pool.ready = std::move(pools);
  parts.pool.profile = flags.profile;
  parts.buffer_memory = flags.buffer_memory_bytes;
  parts.further_contexts = MaxFurtherContexts(open_files, parts.pool.max_sandboxes);
  parts.process_descriptors = MaxProcessDescriptors(open_files, parts.pool.max_sandboxes);
  parts.port_connections = MaxPortConnections(open_files, parts.pool.max_sandboxes);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LocalBackend>> LocalSetup::Make(IoLoop& loop, std::string name) {
  parts_.name = std::move(name);
  return LocalBackend::Make(loop, std::move(parts_));
}

}  // namespace warren
