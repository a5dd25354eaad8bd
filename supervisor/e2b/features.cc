#include "supervisor/e2b/features.h"

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

struct CloudFeature {
  const char* name;
  // Why not; empty where it is available.
  const char* reason;
};
// Sorted by name.
constexpr CloudFeature kCloudFeatures[] = {
    {"contexts", ""},
    {"executions.expressions", "its code interpreter evaluates none"},
    {"executions.files", "its code interpreter moves none: use the calls for files"},
    {"executions.silent", "its code interpreter counts every cell"},
    {"files", ""},
    {"files.attributes", ""},
    {"files.every_attribute",
     "it keeps those named \"user.e2b.NAME\" alone, with printable values"},
    {"files.parts", "it writes whole files: no append, no offset, no exclusive"},
    {"files.watch", ""},
    {"languages.bash", ""},
    {"languages.javascript", ""},
    {"languages.python", ""},
    {"limits", "its templates have them"},
    {"limits.change", "its templates have them"},
    {"network", ""},
    {"network.every_port", ""},
    {"network.ports", "its rules are for all ports"},
    {"network.presets", "it has \"none\" and \"internet\" alone"},
    {"network.watch", "it tells nobody what its sandboxes connect to"},
    {"packages.install", ""},
    {"packages.store", "each sandbox installs for itself"},
    {"pause", ""},
    {"ports", "its sandboxes are reached by their own names"},
    {"processes", ""},
    {"processes.replay", "it keeps no output for a client that comes back"},
    {"scripts", ""},
    {"terminals", ""},
    {"users.root", ""},
};
constexpr const char* kCloudLanguages[] = {"python", "javascript", "bash"};

}  // namespace

void AddCloudFeatures(v1::Environment& environment) {
  for (const char* language : kCloudLanguages) environment.add_languages(language);
  for (const CloudFeature& each : kCloudFeatures) {
    v1::Environment::Feature& feature = *environment.add_features();
    feature.set_name(each.name);
    feature.set_available(*each.reason == '\0');
    feature.set_reason(each.reason);
  }
}

absl::Status CloudLacks(absl::string_view feature) {
  for (const CloudFeature& each : kCloudFeatures) {
    if (feature == each.name) {
      return absl::UnimplementedError(
          absl::StrCat(feature, " cannot be had on a backend that is E2B's cloud: ", each.reason));
    }
  }
  return absl::UnimplementedError(
      absl::StrCat(feature, " cannot be had on a backend that is E2B's cloud"));
}

}  // namespace warren
