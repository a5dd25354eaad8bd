#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_PACKAGE_SOURCE_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_PACKAGE_SOURCE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "warren/config/package.pb.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// Where the packages of a server come from, and which of them it lets in: what the fetcher alone
// knows whole.
struct PackageSource {
  config::PackagePolicy policy;
  // Of policy.indexes, by their order.
  std::vector<internal::IndexSecrets> secrets;

  bool has_index() const { return policy.indexes_size() > 0; }
  // Whether that one is a directory, and not a URL.
  static bool IsDirectory(const config::PackageIndex& index);
};

// Reads the policy, and the files that its indexes name. `wanted` as PackagePolicyFile has it;
// `indexes`, URLs and absolute paths, take the place of the policy's own where there are any. An
// error names the file or the field.
absl::StatusOr<PackageSource> LoadPackageSource(const std::string& prefix,
                                                const std::string& wanted,
                                                const std::vector<std::string>& indexes);

// What everybody may know of it: names and rules; of indexes their names alone.
config::PackagePolicy PublicPolicy(const config::PackagePolicy& policy);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_PACKAGE_SOURCE_H_
