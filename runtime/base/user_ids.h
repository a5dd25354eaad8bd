#ifndef WARREN_RUNTIME_BASE_USER_IDS_H_
#define WARREN_RUNTIME_BASE_USER_IDS_H_

#include <cstdint>

// The user ids of the host that sandboxes have: the range above what systemd-nspawn allocates (to
// 0x6fffffff) and below 2^31, in zones of 64 slices of 65536 ids. A supervisor takes as many
// neighbouring zones as it needs, so that two of them on one host never share an id.
namespace warren {

inline constexpr uint32_t kIdsPerSlot = 65536;
inline constexpr uint32_t kFirstHostId = 0x70000000;
inline constexpr uint32_t kSlotsPerZone = 64;
inline constexpr uint32_t kZones = 64;

// Of one supervisor, with slot 0 the zygotes'. The very last slice stays free: it reaches to 2^31.
inline constexpr int kMaxSandboxes = kZones * kSlotsPerZone - 2;

}  // namespace warren

#endif  // WARREN_RUNTIME_BASE_USER_IDS_H_
