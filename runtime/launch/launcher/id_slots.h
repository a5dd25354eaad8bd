#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_ID_SLOTS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_ID_SLOTS_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// User ids on the host. The range above what systemd-nspawn allocates (to 0x6fffffff) and below
// 2^31, in zones of 64 slices of 65536 ids; a supervisor takes as many neighbouring zones as it
// needs, so that two of them on one host never share an id.
inline constexpr uint32_t kIdsPerSlot = 65536;
inline constexpr uint32_t kFirstHostId = 0x70000000;
inline constexpr uint32_t kSlotsPerZone = 64;
// The last one is short of its final slice, which reaches to 2^31.
inline constexpr uint32_t kZones = 64;

// A supervisor's zones. Taken until destroyed: each zone is an abstract socket name, which the
// kernel frees with its owner.
class IdZones {
 public:
  // Zones for `slots` sandboxes and slot 0, the zygotes'. RESOURCE_EXHAUSTED when other supervisors
  // have them.
  static absl::StatusOr<IdZones> Take(uint32_t slots);

  uint32_t first_id() const { return first_id_; }
  uint32_t id_count() const { return id_count_; }

 private:
  std::vector<UniqueFd> locks_;
  uint32_t first_id_ = 0;
  uint32_t id_count_ = 0;
};

// Slots 1 to `count`, handed out in turn so that a freed one rests as long as possible.
class SlotPool {
 public:
  explicit SlotPool(uint32_t count);
  // RESOURCE_EXHAUSTED when all are taken.
  absl::StatusOr<uint32_t> Take();
  void Return(uint32_t slot) { free_.push_back(slot); }

 private:
  uint32_t count_;
  std::deque<uint32_t> free_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_ID_SLOTS_H_
