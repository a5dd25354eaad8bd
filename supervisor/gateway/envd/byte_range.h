#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_BYTE_RANGE_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_BYTE_RANGE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace warren {

// What a Range header asks for of a file.
struct ByteRange {
  enum class Kind {
    // All of it: 200.
    kWhole,
    // 206.
    kPart,
    // Nothing that it has, or what is no range: 416.
    kNone,
  };
  Kind kind = Kind::kWhole;
  uint64_t first = 0;
  // At least 1 of a part.
  uint64_t length = 0;
};

// Of one with `size` bytes. As E2B's servers do: of an empty file everything is the whole, and what
// is malformed is refused. Several ranges, which only those servers answer, and other units are the
// whole too: HTTP lets a server ignore the header.
ByteRange ParseByteRange(absl::string_view header, uint64_t size);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_BYTE_RANGE_H_
