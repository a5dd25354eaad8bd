#ifndef WARREN_SUPERVISOR_E2B_FEATURES_H_
#define WARREN_SUPERVISOR_E2B_FEATURES_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/e2b/base/cloud_options.h"
#include "warren/v1/package.pb.h"

namespace warren {

// What sandboxes of E2B's cloud can do and cannot, as GetEnvironment tells it, and every refusal
// says it in the same words. Pure.
void AddCloudFeatures(v1::Environment& environment);
// UNIMPLEMENTED, for one that is not available.
absl::Status CloudLacks(absl::string_view feature);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_FEATURES_H_
