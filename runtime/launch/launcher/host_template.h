#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_HOST_TEMPLATE_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_HOST_TEMPLATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/plan/template_store.h"

namespace warren {

// The skeleton of a template that uses the host's own directories: users, links, empty mount points
// and the few files that the recipe copies. Made anew below `store_dir` (STORE/NAME/rootfs) when
// the recipe changed, else reused; takes some milliseconds. Returns its path. Needs root, for the
// files belong to the sandbox's root and user.
absl::StatusOr<std::string> MakeHostTemplate(const Template& source, const std::string& store_dir);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_HOST_TEMPLATE_H_
