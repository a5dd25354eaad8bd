#ifndef WARREN_RUNTIME_LAUNCH_CHILD_NETWORK_SETUP_H_
#define WARREN_RUNTIME_LAUNCH_CHILD_NETWORK_SETUP_H_

#include <cstdint>

#include "runtime/launch/child/setup.h"

// What the launcher and the helper that works in a sandbox's network (init/network.h) hand to each
// other, and the addresses that a sandbox has there.
namespace warren {

// The sandbox's own (RFC 5737: nobody's in the internet), in host byte order, as the next: where
// its connections to the outside come from.
inline constexpr uint32_t kSandboxAddress = 0xc0000201;  // 192.0.2.1
// Where its /etc/resolv.conf sends questions to.
inline constexpr uint32_t kNamesAddress = 0x7f000035;  // 127.0.0.53
inline constexpr uint16_t kNamesPort = 53;

inline constexpr uint32_t kMaxNetworkPorts = 64;

enum class NetworkTask : uint32_t {
  // Give the sandbox its address and its route, and make the sockets to the outside.
  kOpen = 1,
  // Connect to what listens at its loopback.
  kConnect = 2,
};

// The launcher's only message. Comes with the pidfd of the sandbox's init.
struct NetworkSetup {
  uint32_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  NetworkTask task = NetworkTask::kOpen;
  // Of kConnect: how long the other end may take to answer.
  uint32_t patience_ms = 0;
  // kOpen: where the host cannot look sockets up, ports to listen at. kConnect: the one to connect
  // to. In host byte order.
  uint32_t port_count = 0;
  uint16_t ports[kMaxNetworkPorts] = {};
};

// The helper's only message. When `result` is ok it comes, after kOpen, with the UDP socket for
// names, the TCP listener beside it, which takes all other connections too where the host looks
// sockets up, then a listener for each port; after kConnect, with the connection. All are
// non-blocking. Else op_index is the port, where it failed at one.
struct NetworkReport {
  SetupResult result;
};
inline constexpr uint32_t kMaxNetworkSockets = 2 + kMaxNetworkPorts;

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CHILD_NETWORK_SETUP_H_
