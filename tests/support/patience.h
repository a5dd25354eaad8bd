#ifndef WARREN_TESTS_SUPPORT_PATIENCE_H_
#define WARREN_TESTS_SUPPORT_PATIENCE_H_

#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/linux/pace.h"

// How tests wait: until the thing is true, within a bound that only a hang reaches. No test asserts
// how long something took; that is tools/bench's.
namespace warren {

// What anything may take before the test fails.
inline absl::Duration Patience() { return AtThisPace(absl::Seconds(30)); }
inline int PatienceMs() { return static_cast<int>(absl::ToInt64Milliseconds(Patience())); }

// Waits until `holds`, looking every few milliseconds. False when it did not within `patience`.
inline bool Eventually(const std::function<bool()>& holds, absl::Duration patience = Patience()) {
  const absl::Time deadline = absl::Now() + patience;
  while (!holds()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

}  // namespace warren

#endif  // WARREN_TESTS_SUPPORT_PATIENCE_H_
