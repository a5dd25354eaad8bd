#ifndef WARREN_RUNTIME_LAUNCH_INIT_HELPER_H_
#define WARREN_RUNTIME_LAUNCH_INIT_HELPER_H_

namespace warren::child {

// What a child of the anchor's does that is to work in the namespaces of a sandbox: it reads a
// HelperSetup from `control`, joins the sandbox, does its task there (network.h, packages.h) and
// says how it went (HelperReport). It stays out of the sandbox's cgroup and of its pid namespace:
// what the sandbox does with its limits, or whoever kills in there, is nothing to it. Returns the
// exit code.
int RunHelper(int control);

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_INIT_HELPER_H_
