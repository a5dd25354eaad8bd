#ifndef WARREN_SUPERVISOR_E2B_COMMANDS_INSTALL_REPORT_H_
#define WARREN_SUPERVISOR_E2B_COMMANDS_INSTALL_REPORT_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/packages/package_policy.h"

// What pip says in a sandbox of the cloud's: a stranger's word. Pure.
namespace warren {

// One distribution that pip would install.
struct PlannedPackage {
  // Normalized.
  std::string name;
  std::string version;
  // 64 hex digits.
  std::string sha256;
};

// Of `pip install --dry-run --report -`. INTERNAL: it is no such report; FAILED_PRECONDITION: it
// has something that no digest is told of.
absl::StatusOr<std::vector<PlannedPackage>> ReadInstallReport(absl::string_view json);

// PERMISSION_DENIED names every package that the rules do not allow; `asked` are those that the
// request names itself, which were decided on by their names already.
absl::Status CheckPlan(const std::vector<PlannedPackage>& plan, const std::set<std::string>& asked,
                       const PackageRules& rules);

// A requirements file that installs exactly these.
std::string PinnedRequirements(const std::vector<PlannedPackage>& plan);

// What a pip that failed said, as a status: FAILED_PRECONDITION, or UNAVAILABLE where it could not
// reach an index. In pip's own last words, bounded.
absl::Status StatusOfPip(absl::string_view standard_error);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_COMMANDS_INSTALL_REPORT_H_
