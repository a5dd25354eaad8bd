#ifndef WARREN_RUNTIME_PACKAGES_PACKAGE_POLICY_H_
#define WARREN_RUNTIME_PACKAGES_PACKAGE_POLICY_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/packages/version_specifier.h"
#include "warren/config/package.pb.h"

namespace warren {

inline constexpr int kMaxPackageIndexes = 16;
inline constexpr int64_t kMaxResolutionSeconds = int64_t{365} * 24 * 60 * 60;

// What a policy says of packages. Immutable; names are normalized ones.
class PackageRules {
 public:
  // INVALID_ARGUMENT: "allow[3].requirement: …".
  static absl::StatusOr<PackageRules> Compile(const config::PackagePolicy& policy);

  struct Decision {
    bool allowed = false;
    // For people: "numpy is not among the packages that this server allows", "numpi is not …: did
    // you mean numpy?". Empty where it is allowed.
    std::string reason;
  };
  // Whether somebody may ask for it: some version of it is allowed.
  Decision DecideName(absl::string_view name) const;
  // Whether it may come because an allowed package needs it: it is not denied altogether, and where
  // dependencies must be allowed, it is.
  Decision DecideDependency(absl::string_view name) const;
  // Whether this version of it may be had, of one that may come at all: no deny entry has it, and
  // where `allow` names the package, one of these entries has it ("*" is no such name).
  bool AllowsVersion(absl::string_view name, const Version& version) const;

 private:
  struct Entries {
    std::vector<VersionSpecifier> allow;
    std::vector<VersionSpecifier> deny;
  };
  // None where no rule names it.
  const Entries* Find(absl::string_view name) const;
  // Every version of it.
  bool IsDenied(const Entries* entries) const;
  bool IsAllowed(const Entries* entries) const;
  // What differs from it by at most two characters; empty where nothing does.
  std::string NearestAllowed(absl::string_view name) const;

  std::unordered_map<std::string, Entries> entries_;
  // Of "*".
  bool allows_all_ = false;
  bool denies_all_ = false;
  bool dependencies_follow_ = true;
};

// Rules that can be understood, indexes with sound names, URLs (https or http, no user or password
// in them, no query) or absolute paths, sound patterns of names; no two indexes with one name; at
// most kMaxPackageIndexes of them; resolutions that are kept for at most a year. INVALID_ARGUMENT
// names the field, and does not repeat a URL that may have a password in it.
absl::Status ValidatePackagePolicy(const config::PackagePolicy& policy);
// Such a file, checked; an index without a name has one afterwards.
absl::StatusOr<config::PackagePolicy> LoadPackagePolicy(const std::string& path);
// NAME is policies/packages/NAME.textproto below the prefix's share/warren; what has a '/' is the
// path of a file of the operator's own.
std::string PackagePolicyFile(const std::string& prefix, const std::string& wanted);
// "numpy", or "acme-*" for all that begin so, of a package's normalized name; the pattern may be in
// any spelling ("Acme_*").
bool FitsPackagePattern(absl::string_view pattern, absl::string_view name);

}  // namespace warren

#endif  // WARREN_RUNTIME_PACKAGES_PACKAGE_POLICY_H_
