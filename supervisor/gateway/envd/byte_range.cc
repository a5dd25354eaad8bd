#include "supervisor/gateway/envd/byte_range.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

// Digits alone. Larger than any file: the largest number.
std::optional<uint64_t> ParsePosition(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return std::nullopt;
    value =
        value > (UINT64_MAX - 9) / 10 ? UINT64_MAX : 10 * value + static_cast<uint64_t>(c - '0');
  }
  return value;
}

constexpr ByteRange kNoRange = {ByteRange::Kind::kNone, 0, 0};

}  // namespace

ByteRange ParseByteRange(absl::string_view header, uint64_t size) {
  const ByteRange whole = {ByteRange::Kind::kWhole, 0, size};
  if (!absl::ConsumePrefix(&header, "bytes=")) return whole;
  if (size == 0 || absl::StrContains(header, ",")) return whole;
  header = absl::StripAsciiWhitespace(header);
  const size_t dash = header.find('-');
  if (dash == absl::string_view::npos) return kNoRange;
  const absl::string_view from = header.substr(0, dash);
  const absl::string_view to = header.substr(dash + 1);
  const std::optional<uint64_t> last = ParsePosition(to);
  if (!to.empty() && !last) return kNoRange;
  if (from.empty()) {
    // The last so many.
    if (!last || *last == 0) return kNoRange;
    const uint64_t length = std::min(*last, size);
    return {ByteRange::Kind::kPart, size - length, length};
  }
  const std::optional<uint64_t> first = ParsePosition(from);
  if (!first || *first >= size || (last && *last < *first)) return kNoRange;
  const uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return {ByteRange::Kind::kPart, *first, end - *first + 1};
}

}  // namespace warren
