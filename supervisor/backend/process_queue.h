#ifndef WARREN_SUPERVISOR_BACKEND_PROCESS_QUEUE_H_
#define WARREN_SUPERVISOR_BACKEND_PROCESS_QUEUE_H_

#include "absl/status/status.h"
#include "supervisor/backend/sink_queue.h"
#include "warren/v1/process.pb.h"

namespace warren {

template <>
struct SinkQueueTraits<warren::v1::ProcessEvent> {
  using Event = warren::v1::ProcessEvent;
  // Output is joined up to this size.
  static constexpr size_t kChunkBytes = 512 << 10;

  static bool IsLast(const Event& event) { return event.has_exited(); }
  static int64_t PayloadOf(const Event& event) {
    return static_cast<int64_t>(event.has_output() ? event.output().data().size()
                                                   : event.ByteSizeLong());
  }
  static bool Join(Event& tail, const Event& next) {
    if (!tail.has_output() || !next.has_output() ||
        tail.output().stream() != next.output().stream() ||
        tail.output().data().size() + next.output().data().size() > kChunkBytes) {
      return false;
    }
    tail.mutable_output()->mutable_data()->append(next.output().data());
    tail.set_output_bytes(next.output_bytes());
    return true;
  }
  static absl::Status EndOf() {
    return absl::InternalError("the process ended without saying how");
  }
};

// The events of one process on their way to one of its clients.
using ProcessQueue = SinkQueue<warren::v1::ProcessEvent>;

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_PROCESS_QUEUE_H_
