#ifndef WARREN_SUPERVISOR_E2B_CONTROL_LIST_PATH_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_LIST_PATH_H_

#include <string>

#include "supervisor/backend/backend.h"
#include "supervisor/e2b/base/cloud_options.h"

namespace warren {

// Path and query by which the control plane lists what a valid request asks for, of that tenant's;
// of a tenant's own where it is none of the operator's. Empty: nothing can fit. Pure.
std::string ListPath(const CloudOptions& options, const Principal& who,
                     const v1::ListSandboxesRequest& request);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_LIST_PATH_H_
