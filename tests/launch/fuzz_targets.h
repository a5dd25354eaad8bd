#ifndef WARREN_TESTS_LAUNCH_FUZZ_TARGETS_H_
#define WARREN_TESTS_LAUNCH_FUZZ_TARGETS_H_

#include <cstddef>
#include <cstdint>

// What the launcher parses of others. Each aborts when an invariant breaks; libFuzzer calls one of
// them, the replay test calls each with its corpus below tests/launch/corpus/.
namespace warren {

void FuzzZygoteMessage(const uint8_t* data, size_t size);
// A LaunchPlan as bytes, packed for init and for the context.
void FuzzLaunchPlan(const uint8_t* data, size_t size);

}  // namespace warren

#endif  // WARREN_TESTS_LAUNCH_FUZZ_TARGETS_H_
