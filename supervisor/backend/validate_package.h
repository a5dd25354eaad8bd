#ifndef WARREN_SUPERVISOR_BACKEND_VALIDATE_PACKAGE_H_
#define WARREN_SUPERVISOR_BACKEND_VALIDATE_PACKAGE_H_

#include "absl/status/status.h"
#include "warren/v1/package.pb.h"

// What the contract says about requests for packages, as validate.h for the others. What a
// requirement means is the backend's to check.
namespace warren {

// what: counts, sizes, no NUL, and something that is asked for.
absl::Status ValidateInstall(const warren::v1::InstallPackageRequest& request);
// template_id, what.
absl::Status ValidatePrefetch(const warren::v1::PrefetchPackagesRequest& request);
// unused_for.
absl::Status ValidatePrune(const warren::v1::PruneStoredPackagesRequest& request);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_VALIDATE_PACKAGE_H_
