#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_FILE_PATTERN_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_FILE_PATTERN_H_

#include <cstdint>

#include "absl/strings/string_view.h"

// What is in the files that are moved: the same mebibyte of random bytes again and again, so that
// whoever has a part of one can say whether it is the right one.
namespace warren::bench {

// At most `size` bytes of it from `offset` on, fewer where the mebibyte ends.
absl::string_view Pattern(int64_t offset, int64_t size);

bool HoldsPattern(absl::string_view data, int64_t offset);

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_FILE_PATTERN_H_
