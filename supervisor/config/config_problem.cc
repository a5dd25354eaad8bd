#include "supervisor/config/config_problem.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

// What a log can be asked to take; `warren config check` prints all.
constexpr size_t kMostInStatus = 16;

}  // namespace

std::string ProblemText(absl::string_view path, const ConfigProblem& problem) {
  std::string text = absl::StrCat(path, ":", problem.line, ":", problem.column, ": ", problem.what);
  if (!problem.remedy.empty()) absl::StrAppend(&text, "; ", problem.remedy);
  return text;
}

absl::Status ProblemsStatus(absl::string_view path, const ConfigProblems& problems) {
  const size_t told = std::min(problems.size(), kMostInStatus);
  std::string text;
  for (size_t i = 0; i < told; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : "\n", ProblemText(path, problems[i]));
  }
  if (told < problems.size()) {
    absl::StrAppend(&text, "\nand ", problems.size() - told,
                    " more; `warren config check` lists them");
  }
  return absl::InvalidArgumentError(text);
}

absl::Status WrongConfig(absl::string_view what, absl::string_view remedy) {
  return absl::InvalidArgumentError(absl::StrCat(what, "; ", remedy));
}

}  // namespace warren
