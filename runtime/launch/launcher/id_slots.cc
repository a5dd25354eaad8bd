#include "runtime/launch/launcher/id_slots.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// Lock N is zone N.
constexpr char kLocks[] = "warren-user-ids";

}  // namespace

absl::StatusOr<IdZones> IdZones::Take(uint32_t slots) {
  WARREN_ASSIGN_OR_RETURN(HostLocks locks, HostLocks::Open(kLocks));
  return TakeFrom(std::move(locks), slots);
}

void IdZones::RemoveUnused() { HostLocks::Open(kLocks).IgnoreError(); }

absl::StatusOr<IdZones> IdZones::TakeFrom(HostLocks locks, uint32_t slots) {
  uint32_t wanted = slots / kSlotsPerZone + 1;
  for (uint32_t first = 0; first + wanted <= kZones; ++first) {
    WARREN_ASSIGN_OR_RETURN(bool taken, locks.Take(first, wanted));
    if (!taken) continue;
    return IdZones(std::move(locks), kFirstHostId + first * kSlotsPerZone * kIdsPerSlot,
                   (slots + 1) * kIdsPerSlot);
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("no free range of user ids for ", slots,
                   " sandboxes: other supervisors on this host hold them; at most ", kMaxSandboxes,
                   " in all. Lower --max-sandboxes or stop another supervisor"));
}

SlotPool::SlotPool(uint32_t count) : count_(count) {
  for (uint32_t slot = 1; slot <= count; ++slot) free_.push_back(slot);
}

absl::StatusOr<uint32_t> SlotPool::Take() {
  if (free_.empty()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "all ", count_, " sandbox slots are taken: destroy some, or raise --max-sandboxes"));
  }
  uint32_t slot = free_.front();
  free_.pop_front();
  return slot;
}

}  // namespace warren
