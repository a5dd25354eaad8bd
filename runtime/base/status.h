#ifndef WARREN_RUNTIME_BASE_STATUS_H_
#define WARREN_RUNTIME_BASE_STATUS_H_

#include <cerrno>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

// Returns from the enclosing function when `expr` (an absl::Status) is not OK.
#define WARREN_RETURN_IF_ERROR(expr)                 \
  do {                                               \
    absl::Status warren_status_ = (expr);            \
    if (!warren_status_.ok()) return warren_status_; \
  } while (false)

#define WARREN_STATUS_CONCAT_INNER(a, b) a##b
#define WARREN_STATUS_CONCAT(a, b) WARREN_STATUS_CONCAT_INNER(a, b)

// Assigns the value of `expr` (an absl::StatusOr) to `lhs`, or returns its status. `lhs` may be a
// declaration, so it takes no parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define WARREN_ASSIGN_OR_RETURN(lhs, expr) \
  WARREN_ASSIGN_OR_RETURN_IMPL(WARREN_STATUS_CONCAT(warren_or_, __LINE__), lhs, expr)
#define WARREN_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                 \
  if (!tmp.ok()) return std::move(tmp).status();     \
  lhs = std::move(tmp).value()
// NOLINTEND(bugprone-macro-parentheses)

namespace warren {

// Status of a failed system call: "<what>: <strerror>", e.g. Errno("mount tmpfs on /tmp").
// Reads errno at the call, so call it before anything else can change it.
inline absl::Status Errno(absl::string_view what) { return absl::ErrnoToStatus(errno, what); }

}  // namespace warren

#endif  // WARREN_RUNTIME_BASE_STATUS_H_
