#include "tools/warren/output.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "runtime/base/status.h"

namespace warren {

Output Output::ForFd(int fd) {
  return Output(fd, ::isatty(fd) == 1 ? Treatment::kEscape : Treatment::kRaw);
}

absl::Status Output::Write(absl::string_view text) {
  if (!text.empty()) line_begun_ = text.back() != '\n';
  while (!text.empty()) {
    ssize_t n = ::write(fd_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) return absl::UnavailableError("nobody reads the output any more");
    if (n < 0) return Errno("write output");
    text.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status Output::WriteForeign(absl::string_view bytes) {
  if (treatment_ == Treatment::kRaw) return Write(bytes);
  return Write(EscapeForTerminal(splitter_.Take(bytes), WhiteSpace::kKeep));
}

absl::Status Output::FinishLine() {
  WARREN_RETURN_IF_ERROR(Write(EscapeForTerminal(splitter_.Flush(), WhiteSpace::kKeep)));
  return line_begun_ ? Write("\n") : absl::OkStatus();
}

}  // namespace warren
