#ifndef WARREN_RUNTIME_LAUNCH_CHILD_TEST_LAYERS_H_
#define WARREN_RUNTIME_LAUNCH_CHILD_TEST_LAYERS_H_

#include <cstdint>

// Layers of isolation that a test can switch off, to show that its probe then succeeds: a check
// that cannot fail proves nothing. Only in builds with WARREN_TEST_LAYERS=ON (preset `layers`),
// which are never installed; in every other build LayerIsOff is the constant false and the launcher
// has no option to ask for it.
namespace warren {

enum class TestLayer : uint32_t {
  kSeccomp = 1u << 0,
  kLandlock = 1u << 1,
  // Capability sets, bounding set and securebits; the capabilities outlive the change of identity
  // then.
  kCapabilities = 1u << 2,
  kNoNewPrivileges = 1u << 3,
  // User code runs as the sandbox's root.
  kIdentity = 1u << 4,
  // Fds of the zygote stay open, in commands those of their agent.
  kDescriptors = 1u << 5,
  kRlimits = 1u << 6,
  // The context stays in the zygote's pid namespace.
  kPidNamespace = 1u << 7,
  // The context stays in the zygote's mount namespace.
  kMountNamespace = 1u << 8,
  // The sandbox shares the namespace of the host.
  kNetNamespace = 1u << 9,
  kIpcNamespace = 1u << 10,
  kUtsNamespace = 1u << 11,
  kCgroupNamespace = 1u << 12,
  // Every sandbox has the same user ids.
  kUserIds = 1u << 13,
  // The context stays in the zygote's cgroup: no limit of memory, CPU or processes.
  kCgroup = 1u << 14,
  // Plan: /proc is not masked, /proc/sys is writable, other users' processes are visible.
  kProcMasks = 1u << 15,
  // Plan: the writable layer has no size.
  kLayerSize = 1u << 16,
  // Init and the agent let others of their user look into them.
  kUndumpable = 1u << 17,
  // The relay's: what a connection says of itself is not looked at.
  kNameAgreement = 1u << 18,
  // It dials special addresses and the host's own.
  kSpecialAddresses = 1u << 19,
  // Every address may be connected to, asked for by name or not.
  kAddressesByName = 1u << 20,
  // A sandbox asks name servers as fast as it can.
  kLookupRate = 1u << 21,
  // It has as many connections as it wants.
  kConnectionBound = 1u << 22,
  // Names are answered that no host can have.
  kHostNames = 1u << 23,
  // The fetcher's: every index may be asked for every package, and one that fails is passed over.
  kIndexClaims = 1u << 24,
  // A file is passed on whatever its digest is.
  kFileDigests = 1u << 25,
  // A link that was altered is followed.
  kLinkSeals = 1u << 26,
  // What an index says can lead the fetcher to any address.
  kIndexAddresses = 1u << 27,
  // The store's: a file of a package has whatever path its builder says.
  kPackagePaths = 1u << 28,
  // A package, and the store, are as large as they want.
  kStoreBounds = 1u << 29,
  // A sandbox has the store's own files instead of a view of them, and may write them.
  kPackageMounts = 1u << 30,
};

#ifdef WARREN_TEST_LAYERS
inline bool LayerIsOff(uint32_t off, TestLayer layer) {
  return (off & static_cast<uint32_t>(layer)) != 0;
}
#else
constexpr bool LayerIsOff(uint32_t, TestLayer) { return false; }
#endif

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CHILD_TEST_LAYERS_H_
