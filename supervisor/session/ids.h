#ifndef WARREN_SUPERVISOR_SESSION_IDS_H_
#define WARREN_SUPERVISOR_SESSION_IDS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// `prefix` and 20 characters of [0-9a-z] from the kernel's random source: some 103 bits,
// unguessable. Thread-safe.
std::string NewId(absl::string_view prefix);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_IDS_H_
