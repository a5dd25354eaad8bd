#include <sys/utsname.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/plan/package_directories.h"
#include "runtime/plan/visible_mounts.h"
#include "supervisor/local/environment_query.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"

// What templates and sandboxes offer.
namespace warren {
namespace {

using warren::v1::Environment;

// Debian's name of the machine's architecture.
std::string Architecture() {
  utsname names;
  if (::uname(&names) != 0) return "";
  const std::string machine = names.machine;
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

// What every sandbox of this backend can do, or none; `reason` says why not.
constexpr struct {
  const char* name;
  const char* reason;
} kFeatures[] = {
    {"contexts", ""},    {"executions.files", ""}, {"files", ""},
    {"files.watch", ""}, {"limits.change", ""},    {"pause", ""},
    {"processes", ""},   {"scripts", ""},          {"terminals", ""},
};

constexpr char kNoNetwork[] = "the server's egress policy gives no sandbox a network";
constexpr char kListedPorts[] =
    "the host cannot look up sockets (SK_LOOKUP, from Linux 5.9): of the ports that the first "
    "policy's rules allow, those named one by one, and 80 and 443 for the others";

void AddFeature(Environment& environment, std::string name, std::string reason) {
  Environment::Feature* feature = environment.add_features();
  feature->set_name(std::move(name));
  feature->set_available(reason.empty());
  feature->set_reason(std::move(reason));
}

}  // namespace

Environment LocalBackend::DescribeTemplate(const Template& from) const {
  Environment environment;
  environment.set_template_id(from.recipe.name());
  environment.set_python_version(PythonVersion(from));
  environment.set_interpreter(from.recipe.python());
  for (const auto& package : from.manifest.packages()) {
    auto* out = environment.add_system_packages();
    out->set_name(package.name());
    out->set_version(package.version());
  }
  *environment.mutable_preload() = from.recipe.preload();
  for (std::string& language : pool_.Languages(from.recipe.name())) {
    *environment.add_languages() = std::move(language);
  }
  environment.set_architecture(Architecture());
  return environment;
}

void LocalBackend::DescribeSandboxes(const Template& from, Environment& environment) const {
  // Sizes of the writable layer are not told of mounts, nor is how the host keeps them.
  for (auto& mount : VisibleMounts(SandboxMounts(from.recipe, {}, {})))
    *environment.add_mounts() = std::move(mount);
  for (const auto& feature : kFeatures) AddFeature(environment, feature.name, feature.reason);
  for (const std::string& language : environment.languages())
    AddFeature(environment, absl::StrCat("languages.", language), "");
  AddFeature(environment, "packages.install", packages_->unavailable());
  AddFeature(environment, "network", network_enabled_ ? "" : kNoNetwork);
  AddFeature(environment, "network.every_port",
             !network_enabled_ ? kNoNetwork
             : socket_lookup_  ? ""
                               : kListedPorts);
  AddFeature(environment, "files.attributes",
             file_attributes_ ? "" : "the host's kernel keeps none on tmpfs (from Linux 6.6)");
  const std::vector<std::string> granted = GrantedProfiles(from.recipe);
  const bool root = std::count(granted.begin(), granted.end(), kRootProfile) > 0;
  AddFeature(environment, "users.root",
             root ? "" : "the recipe of its template grants no profile root");
  std::sort(environment.mutable_features()->begin(), environment.mutable_features()->end(),
            [](const auto& a, const auto& b) { return a.name() < b.name(); });
}

void LocalBackend::GetEnvironment(const Call&, const std::string& template_id,
                                  Reply<Environment> reply) {
  auto from = FindTemplate(template_id);
  if (!from.ok()) return reply(from.status());
  reply(DescribeTemplate(**from));
}

void LocalSandbox::GetEnvironment(const Call&, Reply<Environment> reply) {
  absl::Status status = FindLease().status();
  const Sandbox::Identity& identity = sandbox_->identity();
  auto from = backend_.FindTemplate(identity.template_id);
  status.Update(from.status());
  auto user = backend_.FindFileUser(identity.template_id, identity.profile);
  status.Update(user.status());
  if (!status.ok()) return reply(std::move(status));
  Environment environment = backend_.DescribeTemplate(**from);
  backend_.DescribeSandboxes(**from, environment);
  environment.set_profile(identity.profile);
  EnvironmentQuery::Look look{
      SandboxPackageDirectories((*from)->recipe.python(), environment.python_version()), *user};
  auto query = std::make_shared<EnvironmentQuery>(backend_.host(), sandbox_, std::move(environment),
                                                  std::move(look), std::move(reply));
  backend_.loop().Post([query = std::move(query)] { query->Start(); });
}

}  // namespace warren
