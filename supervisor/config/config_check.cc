#include "supervisor/config/config_check.h"

#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/network/quote.h"
#include "supervisor/config/backend_check.h"
#include "supervisor/config/backend_names.h"
#include "supervisor/config/config_numbers.h"
#include "supervisor/config/failover_check.h"
#include "supervisor/config/route_check.h"
#include "supervisor/config/text_check.h"

namespace warren {
namespace {

using config::Backend;
using config::Configuration;

constexpr char kDefaultDomain[] = "e2b.app";
constexpr char kDefaultPackagePolicy[] = "default";

ConfigSection BackendSection(const ConfigSection& file, int index) {
  return file.Nested(Configuration::kBackendsFieldNumber, index);
}

void CheckOneLocal(const Configuration& configuration, const ConfigSection& file) {
  std::optional<int> first;
  for (int i = 0; i < configuration.backends_size(); ++i) {
    if (!configuration.backends(i).has_local()) continue;
    if (!first) {
      first = i;
      continue;
    }
    const ConfigSection section = BackendSection(file, i);
    section.Complain(section.At(Backend::kLocalFieldNumber),
                     absl::StrCat("this machine is the backend of line ",
                                  BackendSection(file, *first).Here().line, " already"),
                     "remove one of them");
  }
}

// Two that count in one file would overwrite each other's sums.
void CheckBudgetFiles(const Configuration& configuration, const ConfigSection& file) {
  std::map<std::string, int> lines;
  for (int i = 0; i < configuration.backends_size(); ++i) {
    const std::string& path = configuration.backends(i).e2b().budget().file();
    if (path.empty()) continue;
    const ConfigSection section = BackendSection(file, i)
                                      .Nested(Backend::kE2BFieldNumber)
                                      .Nested(config::E2bBackend::kBudgetFieldNumber);
    const ConfigSection::Place place = section.At(config::Budget::kFileFieldNumber);
    const auto [entry, added] = lines.try_emplace(path, place.line);
    if (added) continue;
    section.Complain(
        place, absl::StrCat("the budget of line ", entry->second, " is in ", Quoted(path), " too"),
        "give each a file of its own");
  }
}

void CheckDefaultBackend(const Configuration& configuration, const BackendNames& names,
                         const ConfigSection& file) {
  const ConfigSection::Place place = file.At(Configuration::kDefaultBackendFieldNumber);
  if (file.Has(Configuration::kDefaultBackendFieldNumber)) {
    names.CheckReference(configuration.default_backend(), file, place);
  } else if (configuration.backends_size() > 1) {
    file.Complain(place, "there are several backends, and no default_backend",
                  "name the one for creates that no route fits");
  }
}

void FillBackend(Backend& backend) {
  if (!backend.has_failover()) FillNumbers(*backend.mutable_circuit(), kCircuitNumbers);
  if (backend.has_remote()) FillNumbers(*backend.mutable_remote(), kRemoteNumbers);
  if (!backend.has_e2b()) return;
  config::E2bBackend& e2b = *backend.mutable_e2b();
  FillNumbers(e2b, kE2bNumbers);
  if (e2b.domain().empty()) e2b.set_domain(kDefaultDomain);
  if (e2b.package_policy().empty()) e2b.set_package_policy(kDefaultPackagePolicy);
  if (e2b.default_template().empty() && !e2b.templates().empty())
    e2b.set_default_template(e2b.templates(0).template_id());
  if (e2b.has_budget()) FillNumbers(*e2b.mutable_budget(), kBudgetNumbers);
}

}  // namespace

void CheckConfiguration(const Configuration& configuration, const ConfigSection& file) {
  if (configuration.backends().empty()) {
    file.Complain(file.Here(), "the file has no backends",
                  "write backends { name: \"here\" local {} } for this machine alone");
    return;
  }
  if (configuration.backends_size() > kMaxBackends) {
    const ConfigSection section = BackendSection(file, kMaxBackends);
    section.Complain(section.Here(),
                     absl::StrCat("the file has ", configuration.backends_size(), " backends"),
                     absl::StrCat("there can be ", kMaxBackends));
    return;
  }
  CheckTexts(configuration, file);
  const BackendNames names(configuration, file);
  for (int i = 0; i < configuration.backends_size(); ++i) {
    CheckBackend(configuration.backends(i), BackendSection(file, i));
  }
  CheckOneLocal(configuration, file);
  CheckBudgetFiles(configuration, file);
  CheckFailover(configuration, names, file);
  for (int i = 0; i < configuration.routes_size(); ++i) {
    CheckRoute(configuration.routes(i), names, file.Nested(Configuration::kRoutesFieldNumber, i));
  }
  CheckDefaultBackend(configuration, names, file);
}

void FillDefaults(Configuration& configuration) {
  for (Backend& backend : *configuration.mutable_backends()) FillBackend(backend);
  for (config::Route& route : *configuration.mutable_routes()) {
    if (route.to_size() == 1) route.mutable_to(0)->set_percent(100);
  }
  if (configuration.default_backend().empty() && configuration.backends_size() == 1)
    configuration.set_default_backend(configuration.backends(0).name());
}

}  // namespace warren
