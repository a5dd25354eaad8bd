#ifndef WARREN_TOOLS_WARREN_PROCESS_SIGNAL_NAMES_H_
#define WARREN_TOOLS_WARREN_PROCESS_SIGNAL_NAMES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// "TERM", "SIGTERM", "term" or "15": the number of a signal, as Linux has it on x86-64.
absl::StatusOr<int> ParseSignal(absl::string_view text);

// The names of the signals that people send, "HUP|INT|...".
std::string SignalChoices();

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_SIGNAL_NAMES_H_
