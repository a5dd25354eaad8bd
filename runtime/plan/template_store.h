#ifndef WARREN_RUNTIME_PLAN_TEMPLATE_STORE_H_
#define WARREN_RUNTIME_PLAN_TEMPLATE_STORE_H_

#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "warren/config/template.pb.h"

namespace warren {

// Where rootfs/build puts templates, and where they are looked for, when nobody says otherwise.
inline constexpr char kDefaultTemplateStore[] = "/var/lib/warren/templates";

// A template as found on disk.
struct Template {
  config::TemplateRecipe recipe;
  config::TemplateManifest manifest;
  // Content of warmup.py beside the recipe; empty without one.
  std::string warmup;
  // "sha256:<hex>" of the recipe; for built templates the manifest's tree digest.
  std::string digest;
  // STORE/NAME/rootfs; empty for templates that use the host's directories.
  std::string rootfs;
  // Why it cannot be used now, with the remedy; empty when it can.
  std::string unavailable;
  // ImportableModules; LoadTemplates leaves it empty.
  std::set<std::string, std::less<>> modules;
};

// Reads every RECIPES/NAME/recipe.textproto and what STORE holds of it. A recipe that does not
// parse, or is not valid, is INVALID_ARGUMENT with its path; a template that is not built is in the
// result, with `unavailable` set.
absl::StatusOr<std::map<std::string, Template>> LoadTemplates(const std::string& recipes_dir,
                                                              const std::string& store_dir);

}  // namespace warren

#endif  // WARREN_RUNTIME_PLAN_TEMPLATE_STORE_H_
