#include "runtime/control/frame.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// Buffers above this are given back when the stream falls silent.
constexpr size_t kKeptCapacity = 4096;

uint32_t DecodeLength(const char* header) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(header);
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
         static_cast<uint32_t>(bytes[2]) << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

}  // namespace

absl::Status AppendFrame(const google::protobuf::MessageLite& message, std::string* out) {
  size_t length = message.ByteSizeLong();
  if (length == 0 || length > kMaxFrameBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a frame cannot carry ", length, " bytes; the limit is ", kMaxFrameBytes));
  }
  const char header[kFrameHeaderBytes] = {static_cast<char>(length), static_cast<char>(length >> 8),
                                          static_cast<char>(length >> 16),
                                          static_cast<char>(length >> 24)};
  out->reserve(out->size() + sizeof(header) + length);
  out->append(header, sizeof(header));
  message.AppendToString(out);
  return absl::OkStatus();
}

absl::Status FrameParser::CheckLength(uint32_t length) const {
  if (length == 0) return absl::InvalidArgumentError("frame of length 0");
  if (length > max_frame_) {
    return absl::InvalidArgumentError(
        absl::StrCat("frame of ", length, " bytes, over the limit of ", max_frame_));
  }
  return absl::OkStatus();
}

absl::Status FrameParser::Refuse(absl::Status why) {
  failed_ = why;
  partial_ = std::string();
  held_ = std::string();
  return why;
}

bool FrameParser::FillTo(size_t want, absl::string_view* bytes) {
  size_t missing = want - std::min(want, partial_.size());
  size_t take = std::min(missing, bytes->size());
  partial_.append(bytes->data(), take);
  bytes->remove_prefix(take);
  return take == missing;
}

absl::StatusOr<bool> FrameParser::Follow(Next next, absl::string_view rest) {
  if (next == Next::kStop) return Refuse(absl::CancelledError("stopped by the reader"));
  if (next == Next::kHold) held_.assign(rest.data(), rest.size());
  return next == Next::kContinue;
}

absl::StatusOr<bool> FrameParser::FeedPartial(absl::string_view* bytes,
                                              absl::FunctionRef<Next(absl::string_view)> on_frame) {
  if (!FillTo(kFrameHeaderBytes, bytes)) return false;
  uint32_t length = DecodeLength(partial_.data());
  if (absl::Status status = CheckLength(length); !status.ok()) return Refuse(status);
  // The buffer grows with what has arrived, not with what the header claims.
  if (!FillTo(kFrameHeaderBytes + length, bytes)) return false;
  Next next = on_frame(absl::string_view(partial_).substr(kFrameHeaderBytes));
  partial_.clear();
  return Follow(next, *bytes);
}

absl::Status FrameParser::FeedFresh(absl::string_view bytes,
                                    absl::FunctionRef<Next(absl::string_view)> on_frame) {
  if (!partial_.empty()) {
    WARREN_ASSIGN_OR_RETURN(bool on, FeedPartial(&bytes, on_frame));
    if (!on) return absl::OkStatus();
  }
  // Whole frames are handed out in place; only the rest is copied.
  while (bytes.size() >= kFrameHeaderBytes) {
    uint32_t length = DecodeLength(bytes.data());
    if (absl::Status status = CheckLength(length); !status.ok()) return Refuse(status);
    if (bytes.size() - kFrameHeaderBytes < length) break;
    Next next = on_frame(bytes.substr(kFrameHeaderBytes, length));
    bytes.remove_prefix(kFrameHeaderBytes + length);
    WARREN_ASSIGN_OR_RETURN(bool on, Follow(next, bytes));
    if (!on) return absl::OkStatus();
  }
  if (!bytes.empty()) partial_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status FrameParser::Feed(absl::string_view bytes,
                               absl::FunctionRef<Next(absl::string_view)> on_frame) {
  if (!failed_.ok()) return failed_;
  if (held_.empty()) return FeedFresh(bytes, on_frame);
  const std::string held = std::exchange(held_, {});
  WARREN_RETURN_IF_ERROR(FeedFresh(held, on_frame));
  if (held_.empty()) return FeedFresh(bytes, on_frame);
  held_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

void FrameParser::Shrink() {
  if (partial_.empty() && partial_.capacity() > kKeptCapacity) partial_ = std::string();
}

}  // namespace warren
