#ifndef WARREN_RUNTIME_LAUNCH_INIT_NETWORK_H_
#define WARREN_RUNTIME_LAUNCH_INIT_NETWORK_H_

#include <cstddef>

#include "runtime/launch/child/helper_setup.h"
#include "runtime/launch/child/setup.h"

// What a helper does in the network namespace of a sandbox, which it has joined.
namespace warren::child {

struct Sockets {
  int fds[kMaxNetworkSockets];
  size_t count = 0;
};

// Gives the sandbox its address and the route by which every address is its own, and makes the
// sockets of a kOpenNetwork.
SetupResult OpenNetwork(const HelperSetup& setup, Sockets& sockets);

// Makes the connection of a kConnect. It waits for nothing inside but the kernel's answer, for so
// long as it is told.
SetupResult ConnectToPort(const HelperSetup& setup, Sockets& sockets);

// A part of OpenNetwork: from now on every IPv4 address is one of the calling process's network
// namespace, whose loopback is up, and kSandboxAddress is where its connections come from. There is
// no route for IPv6: who tries it hears ENETUNREACH at once, and takes IPv4.
SetupResult RouteEverythingHere();

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_INIT_NETWORK_H_
