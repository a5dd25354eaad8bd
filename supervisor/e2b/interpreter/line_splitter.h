#ifndef WARREN_SUPERVISOR_E2B_INTERPRETER_LINE_SPLITTER_H_
#define WARREN_SUPERVISOR_E2B_INTERPRETER_LINE_SPLITTER_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/base/memory_budget.h"

namespace warren {

// Cuts what comes in pieces into lines. What of a line has come is charged; thread-compatible.
class LineSplitter {
 public:
  // A display of 4 MiB in base64, with as much beside it.
  static constexpr size_t kMaxLine = 16 << 20;

  explicit LineSplitter(MemoryBudget* memory) : charge_(memory) {}

  // Calls it with each line that is whole, without its end, but for empty ones. Its error is passed
  // on; INTERNAL: a line is longer than kMaxLine; RESOURCE_EXHAUSTED: there is no memory for it.
  using OnLine = absl::FunctionRef<absl::Status(absl::string_view line)>;
  absl::Status Add(absl::string_view bytes, OnLine on_line);

 private:
  absl::Status Keep(absl::string_view bytes);

  std::string rest_;
  MemoryCharge charge_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_INTERPRETER_LINE_SPLITTER_H_
