#ifndef WARREN_RUNTIME_LAUNCH_INIT_NETWORK_H_
#define WARREN_RUNTIME_LAUNCH_INIT_NETWORK_H_

#include "runtime/launch/child/setup.h"

namespace warren::child {

// What a child of the anchor's does that is to work in a sandbox's network: it reads a NetworkSetup
// from `control`, joins the sandbox, makes the sockets there and sends them back (NetworkReport);
// to open the network, it first gives the sandbox its address and the route by which every address
// is its own. It stays out of the sandbox's cgroup, and waits for nothing inside but the kernel's
// answer to a connection, for so long as it is told: what the sandbox does with its limits, or
// whoever kills in there, is nothing to it. Returns the exit code.
int RunNetworkHelper(int control);

// A part of it: from now on every IPv4 address is one of the calling process's network namespace,
// whose loopback is up, and kSandboxAddress is where its connections come from. There is no route
// for IPv6: who tries it hears ENETUNREACH at once, and takes IPv4.
SetupResult RouteEverythingHere();

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_INIT_NETWORK_H_
