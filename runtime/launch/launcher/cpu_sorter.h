#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_CPU_SORTER_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_CPU_SORTER_H_

#include <chrono>
#include <cstdint>
#include <span>

#include "runtime/launch/launcher/sandbox_process.h"
#include "runtime/linux/cgroup.h"

namespace warren {

// Keeps the sandboxes that compute from delaying those that answer: the former run in the
// background, and leave one processor to the latter where they fit on the others; docs/adr/0015,
// 0026 and 0027. This is about latency, not about a limit: what can not be read or written stays as
// it is.
//
// One thread. Every interval(): Look, and where that says so Sort.
class CpuSorter {
 public:
  // `cgroups` outlives it. `making`: CPU time from a sandbox's making to its context's being ready,
  // which does not count.
  CpuSorter(const CgroupTree& cgroups, std::chrono::microseconds making)
      : cgroups_(cgroups), making_(making) {}

  // At what all sandboxes used together since the last time; false where nothing is to be sorted.
  bool Look();
  // All that are made and not being ended.
  void Sort(std::span<SandboxProcess* const> sandboxes);
  // From a look to the next.
  std::chrono::microseconds interval() const { return interval_; }

 private:
  using Clock = std::chrono::steady_clock;

  const CgroupTree& cgroups_;
  const std::chrono::microseconds making_;
  std::chrono::microseconds interval_{0};
  // From the look before to the last one: what was used is a share of it.
  std::chrono::microseconds since_{0};
  // At the last look.
  int64_t cpu_time_us_ = 0;
  Clock::time_point looked_;
  // So long all together use much, and somebody in the foreground answers.
  Clock::time_point busy_until_;
  Clock::time_point answers_until_;
  bool busy_ = false;
  bool was_busy_ = false;
  // Something is not where it is put at rest.
  bool sorted_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_CPU_SORTER_H_
