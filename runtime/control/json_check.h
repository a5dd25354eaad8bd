#ifndef WARREN_RUNTIME_CONTROL_JSON_CHECK_H_
#define WARREN_RUNTIME_CONTROL_JSON_CHECK_H_

#include "absl/strings/string_view.h"

namespace warren {

// How deep the JSON may be nested that a sandbox sends: whoever parses it behind us may do so
// recursively.
inline constexpr int kMaxJsonDepth = 64;

// True for one JSON object (RFC 8259, UTF-8) with nothing behind it, nested at most kMaxJsonDepth
// deep, whose numbers fit a double. Takes time and memory in proportion to the text.
bool IsJsonObject(absl::string_view text);

}  // namespace warren

#endif  // WARREN_RUNTIME_CONTROL_JSON_CHECK_H_
