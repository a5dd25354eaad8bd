#ifndef WARREN_SUPERVISOR_PACKAGES_PACKAGE_REQUEST_H_
#define WARREN_SUPERVISOR_PACKAGES_PACKAGE_REQUEST_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/packages/package_policy.h"
#include "runtime/packages/requirement.h"
#include "supervisor/packages/builder_word.h"
#include "warren/internal/store.pb.h"
#include "warren/v1/package.pb.h"

namespace warren {

// What a client asks for, understood and allowed.
struct PackageRequest {
  std::vector<Requirement> requirements;
  std::vector<Requirement> constraints;
  bool refresh = false;
};

// INVALID_ARGUMENT: a requirement or a line that cannot be understood, or nothing is asked for;
// PERMISSION_DENIED names every package that the policy does not allow.
absl::StatusOr<PackageRequest> ParsePackageRequest(const warren::v1::PackageRequirements& what,
                                                   const PackageRules& rules);

// What one sandbox has of the store: what was asked for, by name as pip takes it, and the set that
// it has come to. Empty before the first.
struct InstalledPackages {
  std::map<std::string, std::string> asked;
  internal::StoredSet set;
};

// The lines that pip resolves: what is asked for now, and what the sandbox has already, which is
// asked for again and stays as it is; but for what is named now, which may change.
struct Resolvable {
  std::vector<std::string> requirements;
  std::vector<std::string> constraints;
  // By name.
  std::map<std::string, std::string> asked;
};
Resolvable Combine(const PackageRequest& request, const InstalledPackages& installed);

// What a resolution depends on, beside its lines.
struct ResolutionScope {
  std::string template_id;
  std::string template_digest;
  std::string python_version;
  // Of the package policy.
  std::string policy;
};
// 64 hex digits.
std::string ResolutionDigest(const ResolutionScope& scope, const Resolvable& what);
// Names a distribution that was unpacked from this file by that interpreter: StoredPackage.key. Of
// its name and version too, for who resolved may lie about which archive has them, and whoever
// unpacks finds that out.
std::string PackageKey(const ResolvedFile& file, const std::string& python,
                       const std::string& python_version);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_PACKAGE_REQUEST_H_
