#ifndef WARREN_RUNTIME_CONTROL_FRAME_H_
#define WARREN_RUNTIME_CONTROL_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"

// Length-prefixed frames on a byte stream: 4 bytes, little endian, then that many bytes
// (worker.proto).
namespace warren {

inline constexpr size_t kFrameHeaderBytes = 4;
// 4 MiB - 64 KiB, so that what one frame carries fits into one gRPC message of default size.
inline constexpr size_t kMaxFrameBytes = 4128768;

// Header and message in one string, ready for one write(2). RESOURCE_EXHAUSTED when the message is
// too large.
absl::Status AppendFrame(const google::protobuf::MessageLite& message, std::string* out);

// Cuts a byte stream into frames, however the bytes arrive. Holds at most one frame that is not
// complete.
//
// Thread-compatible. Lifecycle: Feed* until it fails; after a failure the stream cannot be
// understood any more and the parser refuses everything.
class FrameParser {
 public:
  // What to do after a frame. kHold: keeps the rest for the next Feed.
  enum class Next { kContinue, kStop, kHold };

  // Frames above `max_frame` are refused: what is held of one that is not complete is memory that
  // whoever sends it chooses.
  explicit FrameParser(size_t max_frame = kMaxFrameBytes) : max_frame_(max_frame) {}

  // Calls `on_frame` for each frame that `bytes` completes. The view is valid during the call. A
  // frame of length zero or above the bound is INVALID_ARGUMENT, found as soon as its header
  // is there; kStop makes this CANCELLED.
  absl::Status Feed(absl::string_view bytes, absl::FunctionRef<Next(absl::string_view)> on_frame);

  // Bytes held of a frame that is not complete.
  size_t pending() const { return partial_.size(); }
  // Whether there are bytes of which Feed({}, …) would make frames.
  bool holding() const { return !held_.empty(); }

  // Gives the memory of large frames back; call it when the stream falls silent.
  void Shrink();

 private:
  absl::Status CheckLength(uint32_t length) const;
  absl::Status Refuse(absl::Status why);
  // Moves from `bytes` what `partial_` still needs to have `want` bytes. True when it has.
  bool FillTo(size_t want, absl::string_view* bytes);
  absl::StatusOr<bool> FeedPartial(absl::string_view* bytes,
                                   absl::FunctionRef<Next(absl::string_view)> on_frame);
  absl::Status FeedFresh(absl::string_view bytes,
                         absl::FunctionRef<Next(absl::string_view)> on_frame);

  // Carries out what `next` asks for, with `rest` not fed yet. False: the feeding ends.
  absl::StatusOr<bool> Follow(Next next, absl::string_view rest);

  size_t max_frame_;
  std::string partial_;
  std::string held_;
  absl::Status failed_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_CONTROL_FRAME_H_
