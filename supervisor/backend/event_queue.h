#ifndef WARREN_SUPERVISOR_BACKEND_EVENT_QUEUE_H_
#define WARREN_SUPERVISOR_BACKEND_EVENT_QUEUE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/backend/sink_queue.h"
#include "warren/v1/execution.pb.h"

namespace warren {

template <>
struct SinkQueueTraits<warren::v1::ExecutionEvent> {
  using Event = warren::v1::ExecutionEvent;
  static bool IsLast(const Event& event) { return event.has_finished(); }
  static int64_t PayloadOf(const Event& event) {
    return static_cast<int64_t>(event.has_output() ? event.output().data().size()
                                                   : event.ByteSizeLong());
  }
  // What can be joined comes through PushOutput.
  static bool Join(Event&, const Event&) { return false; }
  // An execution that says OK without Finished has lost its end on the way.
  static absl::Status EndOf() {
    return absl::InternalError("the execution ended without saying how");
  }
};

// The events of one execution. Consecutive output of one stream is joined into chunks, so a slow
// reader gets few large messages instead of many small ones.
class EventQueue final : public SinkQueue<warren::v1::ExecutionEvent, ExecutionSink> {
 public:
  // Chunks are joined up to this size.
  static constexpr size_t kChunkBytes = 512 << 10;

  using SinkQueue::SinkQueue;

  Flow PushOutput(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                  OutputStamp stamp) override;

 private:
  // False when it must become an event of its own.
  bool JoinTail(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                OutputStamp stamp) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_EVENT_QUEUE_H_
