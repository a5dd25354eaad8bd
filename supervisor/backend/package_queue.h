#ifndef WARREN_SUPERVISOR_BACKEND_PACKAGE_QUEUE_H_
#define WARREN_SUPERVISOR_BACKEND_PACKAGE_QUEUE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "supervisor/backend/sink_queue.h"
#include "warren/v1/package.pb.h"

namespace warren {

template <>
struct SinkQueueTraits<warren::v1::InstallPackageEvent> {
  using Event = warren::v1::InstallPackageEvent;

  static bool IsLast(const Event& event) { return event.has_done(); }
  static int64_t PayloadOf(const Event& event) {
    return static_cast<int64_t>(event.ByteSizeLong());
  }
  static bool Join(Event&, Event&) { return false; }
  static absl::Status EndOf() {
    return absl::InternalError("the installation ended without saying what it installed");
  }
};

// The events of one installation on their way to its client.
using InstallQueue = SinkQueue<warren::v1::InstallPackageEvent>;

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_PACKAGE_QUEUE_H_
