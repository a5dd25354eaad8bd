#ifndef WARREN_RUNTIME_PACKAGES_DISTRIBUTION_FILE_H_
#define WARREN_RUNTIME_PACKAGES_DISTRIBUTION_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/packages/version.h"

namespace warren {

// What an index's file is, by its name.
struct DistributionFile {
  enum class Kind { kWheel, kSource };
  Kind kind = Kind::kWheel;
  // Normalized.
  std::string name;
  Version version;
};

// "numpy-2.1.0-cp313-cp313-manylinux_2_17_x86_64.whl" (with a build number or without), or
// "numpy-2.1.0.tar.gz" or ".zip", whose name must be `name`, for it cannot be told from the version
// else; normalized, and of wheels it must be the file's as well. INVALID_ARGUMENT: it is no such
// file, or not of that package.
absl::StatusOr<DistributionFile> ParseDistributionFile(absl::string_view filename,
                                                       absl::string_view name);
// A wheel, of whatever package.
absl::StatusOr<DistributionFile> ParseWheelName(absl::string_view filename);

}  // namespace warren

#endif  // WARREN_RUNTIME_PACKAGES_DISTRIBUTION_FILE_H_
