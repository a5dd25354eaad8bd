#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_SAMPLES_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_SAMPLES_H_

#include <time.h>

#include <cstdint>
#include <vector>

// Raw times. What they mean (percentiles, ratios, reached or not) is the harness's business.
namespace warren::bench {

// Nanoseconds on the monotonic clock.
inline int64_t NowNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

using Samples = std::vector<int64_t>;

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_SAMPLES_H_
