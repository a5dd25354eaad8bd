#include "runtime/fetcher/byte_range.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

// False of what is no number; empty is no limit.
bool ParseEnd(absl::string_view text, std::optional<int64_t>& end) {
  if (text.empty()) return true;
  int64_t number = 0;
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(text, &number)) return false;
  end = number;
  return true;
}

}  // namespace

std::optional<ByteRange> ParseByteRange(absl::string_view header) {
  ByteRange range;
  if (!absl::ConsumePrefix(&header, "bytes=")) return std::nullopt;
  const size_t hyphen = header.find('-');
  if (hyphen == absl::string_view::npos || !ParseEnd(header.substr(0, hyphen), range.first) ||
      !ParseEnd(header.substr(hyphen + 1), range.last)) {
    return std::nullopt;
  }
  if (!range.first && !range.last) return std::nullopt;
  if (range.first && range.last && *range.first > *range.last) return std::nullopt;
  return range;
}

absl::StatusOr<BytePart> PartOf(const ByteRange& range, int64_t file_size) {
  BytePart part;
  if (range.first) {
    part.offset = *range.first;
    const int64_t last = std::min(range.last.value_or(file_size - 1), file_size - 1);
    part.size = last - part.offset + 1;
  } else {
    part.size = std::min(*range.last, file_size);
    part.offset = file_size - part.size;
  }
  if (part.size <= 0) return absl::OutOfRangeError("the file has no such part");
  return part;
}

}  // namespace warren
