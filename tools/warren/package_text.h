#ifndef WARREN_TOOLS_WARREN_PACKAGE_TEXT_H_
#define WARREN_TOOLS_WARREN_PACKAGE_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "warren/v1/package.pb.h"

// Packages and their installation, as people and programs read them.
namespace warren {

// What `-r` names, as one text; "-" is standard input. What cannot be read, is no text or is larger
// than the contract allows is refused, by its name.
absl::StatusOr<std::string> ReadRequirementsFiles(const std::vector<std::string>& files);

// ---- Pure functions; what they return can go to a terminal.

// "fetching 3 of 12: numpy 2.1.0"
std::string FormatInstallProgress(const v1::InstallPackageEvent::Progress& progress);
// What was installed: a line for each package, and where they came from.
std::string FormatInstalled(const v1::InstallPackageEvent::Done& done);
nlohmann::ordered_json InstallEventObject(const v1::InstallPackageEvent& event);
// Packages, sets, and how full it is.
std::string FormatStore(const v1::ListStoredPackagesResponse& store, absl::Time now);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PACKAGE_TEXT_H_
