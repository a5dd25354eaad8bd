#ifndef WARREN_SUPERVISOR_SESSION_RELAY_EVENT_H_
#define WARREN_SUPERVISOR_SESSION_RELAY_EVENT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// A longer one is none.
inline constexpr size_t kMaxRelayEventBytes = 4096;
// 198.18.0.0/15 has so many addresses, and one.
inline constexpr uint32_t kMaxNameIndex = (uint32_t{1} << 17) - 1;
// More of them nobody counts.
inline constexpr int64_t kMostLostEvents = int64_t{1} << 40;

// A message of the relay's, which reads what sandboxes and the network send: every field is of the
// form and size that relay.proto and network.proto say, and nothing else is in it. Whether there is
// such a sandbox, and whether the name is new, is for the link to say. Pure. INVALID_ARGUMENT.
absl::StatusOr<internal::RelayEvent> ParseRelayEvent(absl::string_view message);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_RELAY_EVENT_H_
