#ifndef WARREN_RUNTIME_FETCHER_BYTE_RANGE_H_
#define WARREN_RUNTIME_FETCHER_BYTE_RANGE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// A Range header of one part, "bytes=0-99", "bytes=100-" or "bytes=-100".
struct ByteRange {
  std::optional<int64_t> first;
  // The last one itself; of "bytes=-100" how many there are.
  std::optional<int64_t> last;
};
// Nothing of what is none, or has several parts: then the whole is answered with.
std::optional<ByteRange> ParseByteRange(absl::string_view header);

struct BytePart {
  int64_t offset = 0;
  int64_t size = 0;
};
// OUT_OF_RANGE: no byte of a file of that size is in it.
absl::StatusOr<BytePart> PartOf(const ByteRange& range, int64_t file_size);

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_BYTE_RANGE_H_
