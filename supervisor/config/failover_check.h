#ifndef WARREN_SUPERVISOR_CONFIG_FAILOVER_CHECK_H_
#define WARREN_SUPERVISOR_CONFIG_FAILOVER_CHECK_H_

#include "supervisor/config/backend_names.h"
#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

namespace warren {

// Complains of lists that are too short, name what is no backend or one twice, or lead back to
// themselves. `file` is that of the configuration. Pure.
void CheckFailover(const config::Configuration& configuration, const BackendNames& names,
                   const ConfigSection& file);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_FAILOVER_CHECK_H_
