#ifndef WARREN_RUNTIME_LINUX_PACE_H_
#define WARREN_RUNTIME_LINUX_PACE_H_

#include <string>

#include "absl/time/time.h"

// How slow this machine is, as one factor for all that waits. Machines of one kernel differ tenfold
// in what a fork and a page fault cost (a guest under shadow page tables, User Mode Linux, a
// processor shared with others): a bound that only a hang reaches has to know.
namespace warren {

struct PaceSample {
  // A fork whose child writes to 512 pages that it shares with its parent, and ends: what starting
  // a context and running a cell are made of. The best of up to three means.
  absl::Duration fork;
  // `fork` over that of the reference machine, within [1, kMaxPace].
  double factor = 1;
};

// What bounds grow to at most.
inline constexpr double kMaxPace = 20;
// `fork` of the reference machine, on which a zygote with numpy and pandas forks in 8 ms.
inline constexpr absl::Duration kReferenceFork = absl::Microseconds(1000);

// Takes about 20 ms where the factor is 1, and a fifth of a second where it is 20. Forks: for
// processes with one thread, or where the child may run in any state (it only writes to memory and
// ends).
PaceSample MeasurePace();

// The factor that the environment variable WARREN_PACE states (clamped to [1, kMaxPace]), else the
// measured one, measured once in a process. Thread-safe.
double Pace();

// `bound` times Pace().
absl::Duration AtThisPace(absl::Duration bound);

// "pace 1.4: a fork whose child writes to 512 pages takes 1.4 ms (1.0 ms on the reference
// machine)".
std::string DescribePace(const PaceSample& sample);

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_PACE_H_
