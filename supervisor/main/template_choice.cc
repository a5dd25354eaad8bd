#include "supervisor/main/template_choice.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/main/flags.h"

namespace warren {
namespace {

constexpr char kRich[] = "data-science";
// Needs no build.
constexpr char kPlain[] = "base";
constexpr int kReadyByDefault = 2;

std::string Names(const std::map<std::string, Template>& templates) {
  std::vector<std::string> names;
  names.reserve(templates.size());
  for (const auto& [name, from] : templates) names.push_back(name);
  return absl::StrJoin(names, ", ");
}

}  // namespace

absl::StatusOr<std::string> ChooseDefaultTemplate(
    const std::string& asked, const std::map<std::string, Template>& templates) {
  if (asked.empty()) {
    auto rich = templates.find(kRich);
    return rich != templates.end() && rich->second.unavailable.empty() ? kRich : kPlain;
  }
  auto found = templates.find(asked);
  if (found == templates.end()) {
    return absl::NotFoundError(absl::StrCat("--default-template: there is no template \"", asked,
                                            "\"; name one of: ", Names(templates)));
  }
  if (!found->second.unavailable.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--default-template: template \"", asked,
                     "\" cannot be used: ", found->second.unavailable));
  }
  return asked;
}

absl::StatusOr<std::map<std::string, ReadyBounds>> ChoosePools(
    const std::map<std::string, ReadyBounds>& asked, const std::string& default_template,
    const std::map<std::string, Template>& templates) {
  if (asked.empty()) {
    return std::map<std::string, ReadyBounds>{{default_template, {kReadyByDefault, kMaxReady}}};
  }
  for (const auto& [name, bounds] : asked) {
    if (templates.count(name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("--pool: there is no template \"", name,
                                                     "\"; there are: ", Names(templates)));
    }
  }
  return asked;
}

}  // namespace warren
