#ifndef WARREN_SUPERVISOR_CONFIG_CONFIG_CHECK_H_
#define WARREN_SUPERVISOR_CONFIG_CONFIG_CHECK_H_

#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

namespace warren {

inline constexpr int kMaxBackends = 32;

// Complains of all that is wrong with a configuration by itself: what files and variables have is
// not looked at. `file` is its section, whose problems come in no order. Pure.
void CheckConfiguration(const config::Configuration& configuration, const ConfigSection& file);

// Puts in what it leaves out, where there are defaults. Of what CheckConfiguration found no fault
// with; of anything else something.
void FillDefaults(config::Configuration& configuration);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_CONFIG_CHECK_H_
