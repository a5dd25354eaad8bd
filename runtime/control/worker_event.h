#ifndef WARREN_RUNTIME_CONTROL_WORKER_EVENT_H_
#define WARREN_RUNTIME_CONTROL_WORKER_EVENT_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "warren/internal/worker.pb.h"

namespace warren {

// A frame of nothing but one piece of output, seen in place: bulk output is not copied into a
// message first.
struct OutputFrame {
  uint64_t execution_id = 0;
  internal::WorkerEvent::EventCase stream = internal::WorkerEvent::EVENT_NOT_SET;
  // A view into the frame.
  absl::string_view data;
};

// Nothing when the frame is anything else than execution_id (or none) followed by stdout_data or
// stderr_data: then ParseWorkerEvent decides.
std::optional<OutputFrame> ParseOutputFrame(absl::string_view frame);

// Parses and bounds an event: what the message's own comments promise holds afterwards, but for
// texts that are cut where they are used (WorkerError). Metadata that is no JSON object is taken
// out: what the worker's Python takes for JSON need not be what we do. INVALID_ARGUMENT names what
// is wrong, without quoting the worker.
absl::Status ParseWorkerEvent(absl::string_view frame, internal::WorkerEvent* event);

}  // namespace warren

#endif  // WARREN_RUNTIME_CONTROL_WORKER_EVENT_H_
