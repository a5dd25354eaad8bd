#ifndef WARREN_TESTS_TOOLS_CAPTURED_OUTPUT_H_
#define WARREN_TESTS_TOOLS_CAPTURED_OUTPUT_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "runtime/base/unique_fd.h"
#include "tools/warren/output.h"

namespace warren {

// An output whose text a test can read back.
class CapturedOutput {
 public:
  CapturedOutput() : fd_(::memfd_create("captured", MFD_CLOEXEC)) {}

  Output output(Output::Treatment treatment) const { return Output(fd_.get(), treatment); }
  std::string text() const {
    std::string content(static_cast<size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    ssize_t n = ::pread(fd_.get(), content.data(), content.size(), 0);
    return content.substr(0, n < 0 ? 0 : static_cast<size_t>(n));
  }
  void Clear() {
    if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) != 0) std::abort();
  }

 private:
  UniqueFd fd_;
};

}  // namespace warren

#endif  // WARREN_TESTS_TOOLS_CAPTURED_OUTPUT_H_
