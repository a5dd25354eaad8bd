#ifndef WARREN_RUNTIME_LAUNCH_CHILD_HELPER_SETUP_H_
#define WARREN_RUNTIME_LAUNCH_CHILD_HELPER_SETUP_H_

#include <cstdint>

#include "runtime/launch/child/setup.h"

// What the launcher and a helper that works in the namespaces of a sandbox (init/helper.h) hand to
// each other, and the addresses that a sandbox has.
namespace warren {

// The sandbox's own (RFC 5737: nobody's in the internet), in host byte order, as the next: where
// its connections to the outside come from.
inline constexpr uint32_t kSandboxAddress = 0xc0000201;  // 192.0.2.1
// Where its /etc/resolv.conf sends questions to.
inline constexpr uint32_t kNamesAddress = 0x7f000035;  // 127.0.0.53
inline constexpr uint16_t kNamesPort = 53;

inline constexpr uint32_t kMaxNetworkPorts = 64;

// Where a sandbox has the packages that were installed into it (kPackagesDirectory).
inline constexpr char kPackagesMountPoint[] = "/opt/packages";

enum class HelperTask : uint32_t {
  // Give the sandbox its address and its route, and make the sockets to the outside.
  kOpenNetwork = 1,
  // Connect to what listens at its loopback.
  kConnect = 2,
  // Put packages where its programs look for them.
  kMountPackages = 3,
};

// The launcher's only message. Comes with the pidfd of the sandbox's init, and with kMountPackages
// with the detached mount of the packages, whose owners are the sandbox's.
struct HelperSetup {
  uint32_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  HelperTask task = HelperTask::kOpenNetwork;
  // Of kConnect: how long the other end may take to answer.
  uint32_t patience_ms = 0;
  // Of kMountPackages: HostFacts.tmpfs_user_xattr.
  uint32_t user_xattr = 0;
  // TestLayer bits; read by test builds only.
  uint32_t layers_off = 0;
  // kOpenNetwork: where the host cannot look sockets up, ports to listen at. kConnect: the one to
  // connect to. In host byte order.
  uint32_t port_count = 0;
  uint16_t ports[kMaxNetworkPorts] = {};
};

// The helper's only message. When `result` is ok it comes, after kOpenNetwork, with the UDP socket
// for names, the TCP listener beside it, which takes all other connections too where the host looks
// sockets up, then a listener for each port; after kConnect, with the connection. All are
// non-blocking. Else op_index is the port, where it failed at one.
struct HelperReport {
  SetupResult result;
};
inline constexpr uint32_t kMaxNetworkSockets = 2 + kMaxNetworkPorts;

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CHILD_HELPER_SETUP_H_
