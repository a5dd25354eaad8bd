#ifndef WARREN_SUPERVISOR_CONFIG_ROUTE_CHECK_H_
#define WARREN_SUPERVISOR_CONFIG_ROUTE_CHECK_H_

#include "supervisor/config/backend_names.h"
#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

namespace warren {

// Complains of all that is wrong with a route; `section` is the route's. Pure.
void CheckRoute(const config::Route& route, const BackendNames& names,
                const ConfigSection& section);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_ROUTE_CHECK_H_
