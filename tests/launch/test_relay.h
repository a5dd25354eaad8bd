#ifndef WARREN_TESTS_LAUNCH_TEST_RELAY_H_
#define WARREN_TESTS_LAUNCH_TEST_RELAY_H_

#include <cstdint>

namespace warren {

// Revisions of the PolicySet events by which the tests' relay says what was done with a sandbox.
inline constexpr uint64_t kAttached = 1;
inline constexpr uint64_t kDetached = 2;
// No sandbox's id.
inline constexpr char kFetcher[] = "-fetcher";

}  // namespace warren

#endif  // WARREN_TESTS_LAUNCH_TEST_RELAY_H_
