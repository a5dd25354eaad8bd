#ifndef WARREN_SUPERVISOR_BACKEND_FILE_QUEUE_H_
#define WARREN_SUPERVISOR_BACKEND_FILE_QUEUE_H_

#include "absl/status/status.h"
#include "supervisor/backend/sink_queue.h"
#include "warren/v1/file.pb.h"

namespace warren {

template <>
struct SinkQueueTraits<warren::v1::ReadFileResponse> {
  using Event = warren::v1::ReadFileResponse;
  // Data is joined up to this size: to join more is to copy it.
  static constexpr size_t kChunkBytes = 64 << 10;

  static bool IsLast(const Event& event) { return event.has_end(); }
  static int64_t PayloadOf(const Event& event) {
    return static_cast<int64_t>(event.has_data() ? event.data().size() : event.ByteSizeLong());
  }
  static bool Join(Event& tail, Event& next) {
    if (!tail.has_data() || !next.has_data() ||
        tail.data().size() + next.data().size() > kChunkBytes) {
      return false;
    }
    tail.mutable_data()->append(next.data());
    return true;
  }
  static absl::Status EndOf() { return absl::InternalError("the file ended without its digest"); }
};

// The others end with their End.
template <>
struct SinkQueueTraits<warren::v1::FileEntry> : SinkQueueTraitsOfMany<warren::v1::FileEntry> {};
template <>
struct SinkQueueTraits<warren::v1::FileEvent> : SinkQueueTraitsOfMany<warren::v1::FileEvent> {};

// What comes of one call for files, on its way to its client.
using FileDataQueue = SinkQueue<warren::v1::ReadFileResponse>;
using FileEntryQueue = SinkQueue<warren::v1::FileEntry>;
using FileEventQueue = SinkQueue<warren::v1::FileEvent>;

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_FILE_QUEUE_H_
