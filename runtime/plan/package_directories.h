#ifndef WARREN_RUNTIME_PLAN_PACKAGE_DIRECTORIES_H_
#define WARREN_RUNTIME_PLAN_PACKAGE_DIRECTORIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace warren {

// Where a server keeps packages when it is told nothing else, and how many bytes of them.
inline constexpr char kDefaultPackageStore[] = "/var/lib/warren/packages";
inline constexpr int64_t kDefaultPackageStoreBytes = int64_t{20} << 30;

// Where an isolated interpreter in PREFIX/bin looks for packages, as Debian and as upstream have
// it, in the order of its path. `version` is "python3.13".
std::vector<std::string> PackageDirectories(absl::string_view prefix, absl::string_view version);

// The same for the contexts of a sandbox: before all others what its user has installed, then
// kPackagesDirectory. Of an
// interpreter at `python` ("/usr/bin/python3") whose version is `version` ("3.13.5"); empty where
// either does not read so.
std::vector<std::string> SandboxPackageDirectories(absl::string_view python,
                                                   absl::string_view version);

}  // namespace warren

#endif  // WARREN_RUNTIME_PLAN_PACKAGE_DIRECTORIES_H_
