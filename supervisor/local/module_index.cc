#include "supervisor/local/module_index.h"

#include "absl/strings/str_cat.h"

namespace warren {

ModuleIndex ModuleIndex::Of(const std::map<std::string, Template>& templates) {
  ModuleIndex index;
  for (const auto& [name, from] : templates) {
    index.templates_[name] = {from.modules, from.unavailable};
  }
  return index;
}

std::string ModuleIndex::Hint(const std::string& template_id, absl::string_view module) const {
  auto own = templates_.find(template_id);
  if (own != templates_.end() && own->second.modules.count(module) > 0) return "";
  std::string later;
  for (const auto& [name, entry] : templates_) {
    auto found = entry.modules.find(module);
    if (found == entry.modules.end()) continue;
    if (entry.unavailable.empty()) {
      return absl::StrCat("the template ", name, " has ", *found,
                          ": create the sandbox with it (warren exec --template ", name, ")");
    }
    if (later.empty()) {
      later = absl::StrCat("the template ", name, " has ", *found,
                           ", but cannot be used now: ", entry.unavailable);
    }
  }
  return later;
}

}  // namespace warren
