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

// Joins the namespaces of the sandbox whose init that is, its pid namespace only where `also` is
// CLONE_NEWPID. Those that a test switches off the caller has from the host, by way of the anchor.
SetupResult JoinNamespaces(int init_pidfd, int also, uint32_t layers_off);

// Sets the request's resource limits.
SetupResult LimitResources(const JoinRequest& request);

// No groups but `gid`, and `uid` for good. Needs the privilege of both.
SetupResult DropIdentity(uid_t uid, gid_t gid);

// A compiled policy (runtime/policy/policy_blob.h), mapped.
struct SeccompBlob {
  const void* data = nullptr;
  size_t size = 0;
};

// Makes the caller what its profile says, for good: the one sequence for contexts, init, zygotes
// and whatever else runs in a sandbox. Needs every capability of its user namespace, and one
// thread. `landlock_abi` 0: without Landlock. `layers_off`: TestLayer bits.
SetupResult Confine(const ProcessProfile& profile, int landlock_abi, SeccompBlob policy,
                    uint32_t layers_off);

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_CHILD_CONFINE_H_
