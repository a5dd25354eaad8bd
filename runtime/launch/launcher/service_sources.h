#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_SOURCES_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_SOURCES_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/launch/launcher/anchor_client.h"
#include "runtime/launch/launcher/id_slots.h"
#include "runtime/launch/launcher/services.h"
#include "warren/config/package.pb.h"

namespace warren {

struct LauncherConfig;

struct FoundServices {
  ServiceSources sources;
  // LauncherOffer has both.
  config::PackagePolicy package_policy;
  std::string packages_unavailable;
};

// What a launcher's services are made of, by its configuration: reads the policies, and takes the
// package store where there is something to keep. An error is one of the policies'; what else
// stands in the way of packages makes them unavailable.
absl::StatusOr<FoundServices> FindServices(const LauncherConfig& config, const IdZones& ids,
                                           const AnchorClient& anchor);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_SOURCES_H_
