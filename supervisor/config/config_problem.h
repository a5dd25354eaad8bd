#ifndef WARREN_SUPERVISOR_CONFIG_CONFIG_PROBLEM_H_
#define WARREN_SUPERVISOR_CONFIG_CONFIG_PROBLEM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace warren {

// What is wrong with a file of backends, for whoever wrote it. Nothing of a secret is in it, and
// strangers' text only escaped.
struct ConfigProblem {
  // Both from 1; a column counts bytes, and a tab up to the next multiple of 8.
  int line = 1;
  int column = 1;
  // Without a full stop.
  std::string what;
  // What to do about it; may be empty.
  std::string remedy;

  friend bool operator==(const ConfigProblem&, const ConfigProblem&) = default;
};

// In the order of the file.
using ConfigProblems = std::vector<ConfigProblem>;

// "PATH:LINE:COLUMN: what; remedy", as editors read it.
std::string ProblemText(absl::string_view path, const ConfigProblem& problem);

// INVALID_ARGUMENT with a line for each, of which there is one at least; of many the first ones.
absl::Status ProblemsStatus(absl::string_view path, const ConfigProblems& problems);

// A message of two parts, for functions that have no other place for them than a status.
absl::Status WrongConfig(absl::string_view what, absl::string_view remedy);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_CONFIG_PROBLEM_H_
