#ifndef WARREN_RUNTIME_PLAN_VISIBLE_MOUNTS_H_
#define WARREN_RUNTIME_PLAN_VISIBLE_MOUNTS_H_

#include <vector>

#include "runtime/plan/launch_plan.h"
#include "warren/v1/package.pb.h"

namespace warren {

// What a sandbox with these mounts sees of them, sorted by path: as its mountinfo has it, but for
// what covers files and directories of /proc, and without anything of the host's. Nothing inside
// can mount, so it stays true.
std::vector<v1::Environment::Mount> VisibleMounts(const std::vector<internal::MountOp>& mounts);

}  // namespace warren

#endif  // WARREN_RUNTIME_PLAN_VISIBLE_MOUNTS_H_
