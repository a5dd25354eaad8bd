#include "runtime/launch/launcher/id_slots.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// An invalid fd when somebody else has it.
absl::StatusOr<UniqueFd> LockZone(uint32_t zone) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Errno("socket");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  // sun_path[0] stays NUL: abstract.
  std::string name = absl::StrCat("warren-ids-", zone);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0) return socket;
  if (errno == EADDRINUSE) return UniqueFd();
  return Errno("lock a range of user ids");
}

}  // namespace

absl::StatusOr<IdZones> IdZones::Take(uint32_t slots) {
  uint32_t wanted = slots / kSlotsPerZone + 1;
  for (uint32_t first = 0; first + wanted <= kZones; ++first) {
    IdZones zones;
    for (uint32_t zone = first; zone < first + wanted; ++zone) {
      WARREN_ASSIGN_OR_RETURN(UniqueFd lock, LockZone(zone));
      if (!lock.valid()) break;
      zones.locks_.push_back(std::move(lock));
    }
    if (zones.locks_.size() < wanted) continue;
    zones.first_id_ = kFirstHostId + first * kSlotsPerZone * kIdsPerSlot;
    zones.id_count_ = (slots + 1) * kIdsPerSlot;
    return zones;
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "no free range of user ids for ", slots,
      " sandboxes: other supervisors on this host hold them; at most ", kZones * kSlotsPerZone - 2,
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
