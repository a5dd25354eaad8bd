#ifndef WARREN_RUNTIME_CONTROL_FRAME_WRITER_H_
#define WARREN_RUNTIME_CONTROL_FRAME_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"

namespace warren {

// Frames (frame.h) on their way into a pipe that does not wait. What it has no room for is kept,
// and goes before what comes later. Thread-compatible.
class FrameWriter {
 public:
  // Keeps the message's frame for Flush. RESOURCE_EXHAUSTED when it is too large for one.
  absl::Status Add(const google::protobuf::MessageLite& message);

  // The frame of a message whose field `field` is this StreamData (agent.proto), at most
  // kMaxStreamData of it: from where it is into the pipe, only what that has no room for is copied.
  // As Flush.
  absl::Status WriteData(int pipe, int field, uint64_t stream_id, bool last,
                         absl::string_view data);

  // Writes what the pipe takes. The reader being gone is an error; its being slow is none.
  absl::Status Flush(int pipe);

  // Bytes kept.
  size_t size() const { return kept_.size() - written_; }
  bool empty() const { return size() == 0; }
  // Gives memory above `bytes` back where nothing is kept.
  void Shrink(size_t bytes);

 private:
  std::string kept_;
  // Of the front of that.
  size_t written_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_CONTROL_FRAME_WRITER_H_
