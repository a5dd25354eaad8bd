#include "tools/warren/process/signal_names.h"

#include <csignal>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace warren {

absl::StatusOr<int> ParseSignal(absl::string_view text) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 1 && number <= 64) return number;
  std::string name = absl::AsciiStrToUpper(text);
  absl::string_view bare = absl::StripPrefix(name, "SIG");
  for (int signal = 1; signal < 32; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && bare == known) return signal;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no signal: want a name as TERM, or a number from 1 to 64"));
}

std::string SignalChoices() { return "HUP|INT|QUIT|KILL|USR1|USR2|TERM|CONT|STOP|WINCH"; }

}  // namespace warren
