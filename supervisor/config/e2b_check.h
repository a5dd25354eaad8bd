#ifndef WARREN_SUPERVISOR_CONFIG_E2B_CHECK_H_
#define WARREN_SUPERVISOR_CONFIG_E2B_CHECK_H_

#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

namespace warren {

// Complains of all that is wrong with a cloud by itself; `section` is its. Pure.
void CheckE2b(const config::E2bBackend& e2b, const ConfigSection& section);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_E2B_CHECK_H_
