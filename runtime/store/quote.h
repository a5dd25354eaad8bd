#ifndef WARREN_RUNTIME_STORE_QUOTE_H_
#define WARREN_RUNTIME_STORE_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// What a sandbox said, for a message: in quotes, escaped to printable ASCII, cut where it is long.
std::string QuotedPath(absl::string_view path);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_QUOTE_H_
