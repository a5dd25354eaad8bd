#ifndef WARREN_SUPERVISOR_E2B_BASE_MAY_HAVE_STARTED_H_
#define WARREN_SUPERVISOR_E2B_BASE_MAY_HAVE_STARTED_H_

#include "absl/status/status.h"
#include "absl/strings/cord.h"

// Of the status that a process ends with before it is told to run: that nobody knows whether it was
// started. Else it was not. Clients are told by its words; this is for who runs it here.
namespace warren {

inline constexpr char kMayHaveStarted[] = "warren/may-have-started";

inline void SetMayHaveStarted(absl::Status& status) {
  if (!status.ok()) status.SetPayload(kMayHaveStarted, absl::Cord());
}
inline bool MayHaveStarted(const absl::Status& status) {
  return status.GetPayload(kMayHaveStarted).has_value();
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_MAY_HAVE_STARTED_H_
