#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_ID_SLOTS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_ID_SLOTS_H_

#include <cstdint>
#include <deque>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/base/user_ids.h"
#include "runtime/linux/host_locks.h"

namespace warren {

// A supervisor's zones. Taken until destroyed; the kernel frees them with their owner.
class IdZones {
 public:
  // Zones for `slots` sandboxes and slot 0, the zygotes'. RESOURCE_EXHAUSTED when other supervisors
  // have them.
  static absl::StatusOr<IdZones> Take(uint32_t slots);
  // The same from locks of one's own, for tests.
  static absl::StatusOr<IdZones> TakeFrom(HostLocks locks, uint32_t slots);

  // Removes what a supervisor that was killed left of its zones, if nobody else has any: an empty
  // file. For its janitor.
  static void RemoveUnused();

  uint32_t first_id() const { return first_id_; }
  uint32_t id_count() const { return id_count_; }

 private:
  IdZones(HostLocks locks, uint32_t first_id, uint32_t id_count)
      : locks_(std::move(locks)), first_id_(first_id), id_count_(id_count) {}

  HostLocks locks_;
  uint32_t first_id_;
  uint32_t id_count_;
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
