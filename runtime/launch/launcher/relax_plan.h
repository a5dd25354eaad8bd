#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAX_PLAN_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAX_PLAN_H_

#include <cstdint>

#include "warren/internal/plan.pb.h"

namespace warren {

// Takes the steps of the switched-off layers (TestLayer) out of a plan. Does nothing but in test
// builds.
void RelaxPlan(uint32_t layers_off, internal::LaunchPlan& plan);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAX_PLAN_H_
