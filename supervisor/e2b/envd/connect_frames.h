#ifndef WARREN_SUPERVISOR_E2B_ENVD_CONNECT_FRAMES_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CONNECT_FRAMES_H_

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/base/memory_budget.h"

// The envelopes of Connect's streams: a byte of flags, four of length, big-endian, a payload.
namespace warren {

// Of the payload of one. A longer one is refused by its head, before any of it is held.
inline constexpr size_t kMaxCloudFrame = 16 << 20;

// One around a message.
std::string MakeCloudFrame(absl::string_view payload);

struct CloudFrame {
  // The last one of a stream: how that ended.
  bool is_end = false;
  absl::string_view payload;
};

// Takes a stream apart, however it was cut. Thread-compatible; the budget outlives it.
class CloudFrameReader {
 public:
  // What is held of a frame that is not whole is charged to `memory`.
  explicit CloudFrameReader(MemoryBudget* memory) : charge_(memory) {}

  // Hands over each frame that is whole. INTERNAL: what came is none, is compressed, too long, or
  // stands behind the end; RESOURCE_EXHAUSTED: there is no memory for it; or what `on_frame`
  // returned. After an error nothing more is taken.
  using OnFrame = absl::FunctionRef<absl::Status(const CloudFrame&)>;
  absl::Status Add(absl::string_view bytes, OnFrame on_frame);
  // The stream ended within a frame, or without its last one, where this is false.
  bool at_end() const { return ended_; }
  size_t held() const { return held_.size(); }

 private:
  absl::Status Take(absl::string_view& bytes, OnFrame on_frame);
  absl::Status Hold(absl::string_view bytes);

  std::string held_;
  MemoryCharge charge_;
  bool ended_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CONNECT_FRAMES_H_
