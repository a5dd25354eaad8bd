#include "runtime/launch/launcher/cpu_sorter.h"

#include <limits>
#include <utility>

namespace warren {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// These times are the same on every host: it is how long others wait behind one that computes.
// How often is looked, and how often where all sandboxes rest.
constexpr milliseconds kSortInterval(100);
constexpr seconds kRestingSortInterval(1);
// How long what used more than its share still counts as one that does: an attack pauses, for
// memory or for its quota.
constexpr milliseconds kCalm(500);
// How long a sandbox in the foreground counts as one that answers after it has done something.
constexpr seconds kAnswers(1);
// Shares of a processor, in percent. What all may use together before any is sorted: a context that
// answers one cell after the other takes half of one. What one may use then before it runs in the
// background: a cell of an agent at work takes milliseconds. What is rest. What all in the
// foreground may use together while those in the background leave them a processor.
constexpr int kAllTogether = 75;
constexpr int kOneOfThem = 20;
constexpr int kRest = 1;
constexpr int kForeground = 50;

int64_t ShareOf(microseconds time, int percent) { return time.count() * percent / 100; }

}  // namespace

bool CpuSorter::Look() {
  const Clock::time_point before = std::exchange(looked_, Clock::now());
  since_ = std::chrono::duration_cast<microseconds>(looked_ - before);
  interval_ = kSortInterval;
  const absl::StatusOr<int64_t> now = cgroups_.CpuTimeUs();
  const int64_t used = now.ok() ? *now - std::exchange(cpu_time_us_, *now) : 0;
  if (used <= ShareOf(since_, kRest)) interval_ = kRestingSortInterval;
  if (used > ShareOf(since_, kAllTogether)) busy_until_ = looked_ + kCalm;
  was_busy_ = std::exchange(busy_, looked_ < busy_until_);
  return busy_ || was_busy_ || sorted_;
}

void CpuSorter::Sort(std::span<SandboxProcess* const> sandboxes) {
  // The first time after a rest tells only from where to count; the last one puts all back.
  const int64_t allowance =
      busy_ && was_busy_ ? ShareOf(since_, kOneOfThem) : std::numeric_limits<int64_t>::max();
  // What those in the background may use together, in thousandths of a processor.
  int64_t background_millis = 0;
  int64_t foreground_used = 0;
  for (SandboxProcess* sandbox : sandboxes) {
    const int64_t used = sandbox->UsedSinceLastLook(making_.count());
    if (used > allowance) sandbox->set_computes_until(looked_ + kCalm);
    sandbox->SetBackground(busy_ && looked_ < sandbox->computes_until());
    if (sandbox->in_background()) {
      background_millis += sandbox->plan().limits().cpu_millis();
      continue;
    }
    foreground_used += used;
    if (was_busy_ && used > ShareOf(since_, kRest)) answers_until_ = looked_ + kAnswers;
  }
  // It costs them nothing where they fit on the other processors, and nobody else fills those.
  const Processors& processors = cgroups_.processors();
  const bool leave = busy_ && looked_ < answers_until_ &&
                     foreground_used <= ShareOf(since_, kForeground) &&
                     background_millis <= int64_t{processors.count - 1} * 1000;
  sorted_ = false;
  for (SandboxProcess* sandbox : sandboxes) {
    sandbox->LeaveProcessorFree(processors, leave && sandbox->in_background());
    sorted_ = sorted_ || sandbox->in_background() || sandbox->leaves_processor();
  }
}

}  // namespace warren
