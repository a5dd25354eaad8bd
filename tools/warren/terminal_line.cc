#include "tools/warren/terminal_line.h"

#include <sys/ioctl.h>

#include "absl/strings/str_cat.h"
#include "tools/warren/output.h"

namespace warren {
namespace {

// Where the terminal does not say.
constexpr int kColumns = 80;

}  // namespace

int TerminalLine::columns() const {
  winsize size{};
  const bool known = ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (known ? size.ws_col : kColumns) - 1;
}

void TerminalLine::Show(absl::string_view text) {
  Output(fd_, Output::Treatment::kRaw).Write(absl::StrCat("\r", text, "\x1b[K")).IgnoreError();
  shown_ = true;
}

void TerminalLine::Clear() {
  if (!shown_) return;
  Output(fd_, Output::Treatment::kRaw).Write("\r\x1b[K").IgnoreError();
  shown_ = false;
}

}  // namespace warren
