#ifndef WARREN_RUNTIME_FETCHER_REFUSALS_H_
#define WARREN_RUNTIME_FETCHER_REFUSALS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/mutex.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// Tells the supervisor what was refused. What it does not take at once is counted, and told with
// the next. Thread-safe.
class Refusals {
 public:
  // Of a non-blocking socket; its owner outlives this.
  explicit Refusals(int supervisor) : supervisor_(supervisor) {}

  void Tell(const std::string& sandbox_id, absl::string_view package, absl::string_view reason);

 private:
  const int supervisor_;
  Mutex mu_;
  int64_t lost_ ABSL_GUARDED_BY(mu_) = 0;
};

// For a message of one line: printable ASCII, at most so many bytes.
std::string PrintableLine(absl::string_view text, size_t most);

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_REFUSALS_H_
