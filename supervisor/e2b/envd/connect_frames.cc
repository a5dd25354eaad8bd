#include "supervisor/e2b/envd/connect_frames.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr size_t kFrameHead = 5;
constexpr unsigned char kCompressedFrame = 0x01;
constexpr unsigned char kLastFrame = 0x02;

size_t LengthIn(absl::string_view head) {
  size_t length = 0;
  for (size_t i = 1; i < kFrameHead; ++i)
    length = length << 8 | static_cast<unsigned char>(head[i]);
  return length;
}

absl::Status CheckHead(absl::string_view head) {
  const auto flags = static_cast<unsigned char>(head[0]);
  if ((flags & kCompressedFrame) != 0)
    return absl::InternalError("the sandbox compresses its stream, which it was not asked for");
  if ((flags & ~kLastFrame) != 0)
    return absl::InternalError("the sandbox's stream is none of Connect's");
  if (LengthIn(head) > kMaxCloudFrame) {
    return absl::InternalError(absl::StrCat("a message of the sandbox's stream says that it has ",
                                            LengthIn(head), " bytes; at most ", kMaxCloudFrame,
                                            " are taken"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string MakeCloudFrame(absl::string_view payload) {
  std::string frame;
  frame.reserve(kFrameHead + payload.size());
  frame.push_back(0);
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>(payload.size() >> shift & 0xff));
  frame.append(payload.data(), payload.size());
  return frame;
}

absl::Status CloudFrameReader::Hold(absl::string_view bytes) {
  if (!charge_.TryAdd(static_cast<int64_t>(bytes.size()))) return NoRoom();
  held_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status CloudFrameReader::Add(absl::string_view bytes, OnFrame on_frame) {
  while (!bytes.empty()) {
    if (ended_) return absl::InternalError("the sandbox's stream goes on behind its end");
    WARREN_RETURN_IF_ERROR(Take(bytes, on_frame));
  }
  return absl::OkStatus();
}

// One frame, or all that there is of one.
absl::Status CloudFrameReader::Take(absl::string_view& bytes, OnFrame on_frame) {
  if (!held_.empty() && held_.size() < kFrameHead) {
    const size_t part = std::min(bytes.size(), kFrameHead - held_.size());
    WARREN_RETURN_IF_ERROR(Hold(bytes.substr(0, part)));
    bytes.remove_prefix(part);
  }
  const absl::string_view head = held_.empty() ? bytes : absl::string_view(held_);
  if (head.size() < kFrameHead) {
    if (!held_.empty()) return absl::OkStatus();
    absl::Status held = Hold(bytes);
    bytes = absl::string_view();
    return held;
  }
  WARREN_RETURN_IF_ERROR(CheckHead(head));
  const size_t whole = kFrameHead + LengthIn(head);
  const size_t part = std::min(bytes.size(), whole - held_.size());
  const bool is_held = !held_.empty() || part < whole;
  if (is_held) WARREN_RETURN_IF_ERROR(Hold(bytes.substr(0, part)));
  CloudFrame frame;
  frame.payload = is_held ? absl::string_view(held_) : bytes.substr(0, part);
  bytes.remove_prefix(part);
  if (frame.payload.size() < whole) return absl::OkStatus();
  frame.is_end = (static_cast<unsigned char>(frame.payload[0]) & kLastFrame) != 0;
  ended_ = frame.is_end;
  frame.payload.remove_prefix(kFrameHead);
  absl::Status taken = on_frame(frame);
  // Its room too, where it was a large one.
  if (is_held) std::string().swap(held_);
  charge_.Clear();
  return taken;
}

}  // namespace warren
