#ifndef WARREN_RUNTIME_NETWORK_QUOTE_H_
#define WARREN_RUNTIME_NETWORK_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// A stranger's text for a message: in quotes, escaped to printable ASCII, cut where it is long.
std::string Quoted(absl::string_view text);

// A name for a message, whose middle is cut out where it is longer than 64 bytes: what it begins
// with and what it ends with say most.
std::string Shortened(absl::string_view name);

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_QUOTE_H_
