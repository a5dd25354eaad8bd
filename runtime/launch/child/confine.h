#ifndef WARREN_RUNTIME_LAUNCH_CHILD_CONFINE_H_
#define WARREN_RUNTIME_LAUNCH_CHILD_CONFINE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "runtime/launch/child/setup.h"

// The steps by which a process gives up what it has. Runs after a fork or in a static program:
// system calls only, no allocation, no locks, no exceptions. Each function does one thing and
// returns where it failed.
namespace warren::child {

inline SetupResult Fail(SetupStage stage, int error) { return {stage, error, -1}; }

// Writes the calling process into each cgroup.procs file.
SetupResult EnterCgroups(const int* procs_fds, size_t count);

// A bit mask of the capabilities to keep in the bounding set; 0 for none.
using CapabilityMask = uint64_t;

// Empties ambient set and bounding set but for `keep`, and locks the securebits so that root gains
// nothing by exec. Before DropIdentity: needs CAP_SETPCAP.
SetupResult RestrictCapabilities(CapabilityMask keep);
// Same bounding set, securebits left alone: for a program that stays root and has its capabilities
// by exec.
SetupResult BoundCapabilities(CapabilityMask keep);

// No groups but `gid`, and `uid` for good.
SetupResult DropIdentity(uid_t uid, gid_t gid);

// Empties every capability set of the process. After DropIdentity.
SetupResult ClearCapabilities();

SetupResult NoNewPrivileges();

// Write access only below the user's own directories; reading and executing as before. abi 0: does
// nothing.
SetupResult RestrictWritesByLandlock(int abi);

// Installs the filters of a serialized policy (runtime/policy/policy_blob.h), in their order. The
// last step.
SetupResult InstallSeccomp(const void* blob, size_t size);

// Asks the kernel whether the process is what the steps above should have made it.
SetupResult VerifyConfinement();

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_CHILD_CONFINE_H_
