#ifndef WARREN_RUNTIME_LAUNCH_INIT_PACKAGES_H_
#define WARREN_RUNTIME_LAUNCH_INIT_PACKAGES_H_

#include "runtime/launch/child/helper_setup.h"
#include "runtime/launch/child/setup.h"

namespace warren::child {

// Puts `packages`, a detached mount whose owners are the sandbox's, on kPackagesMountPoint of the
// sandbox whose init that is, in an overlay of its own: locks and watches on a file never meet
// those of another sandbox, and nothing else of what is shared is ever visible. It lies on top of
// what was mounted there before: there is no moment without. For a process that has joined the
// sandbox's user namespace and no other; it is in the sandbox's mount namespace afterwards. ENOENT,
// ENOTDIR or ELOOP in kAttachPackages: who is root in there has taken the directory away.
SetupResult MountPackages(const HelperSetup& setup, int packages, int init_pidfd);

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_INIT_PACKAGES_H_
