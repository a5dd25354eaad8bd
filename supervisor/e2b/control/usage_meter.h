#ifndef WARREN_SUPERVISOR_E2B_CONTROL_USAGE_METER_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_USAGE_METER_H_

#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "warren/config/backends.pb.h"

namespace warren {

// How long sandboxes ran this month, all together: what the cloud charges for. A month is a
// calendar month of UTC. Of one whose end nobody has told it is taken to have run until its
// lifetime ended.
//
// Thread-safe. Times are the caller's, and do not go back by much.
class UsageMeter {
 public:
  explicit UsageMeter(const config::Budget& budget) : budget_(budget) {}

  // What an earlier server has counted this month, where the budget names a file that is there.
  // INVALID_ARGUMENT: it is none of these.
  absl::Status Load(absl::Time now);
  // Writes it where the budget names a file and something has changed; whole, or as it was before,
  // also where the machine loses its power meanwhile. From one thread at a time.
  absl::Status Save(absl::Time now);

  // It runs, until `ends` at the latest; also where it does already: then its end is another one.
  void Runs(absl::string_view sandbox_id, absl::Time now, absl::Time ends);
  // It is paused, or gone.
  void Stopped(absl::string_view sandbox_id, absl::Time now);

  absl::Duration Used(absl::Time now);
  // Zero: no bound.
  absl::Duration limit() const { return absl::Minutes(budget_.sandbox_minutes()); }
  // Once a month, when so much of the budget is used as it says that the log shall warn.
  bool WarnsNow(absl::Time now);

 private:
  struct Running {
    absl::Time since;
    absl::Time ends;
  };
  // Takes what is over into the sum, and begins a new one with a new month.
  void Settle(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Duration UsedLocked(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const config::Budget budget_;
  Mutex mu_;
  // The month's first moment, and that of the next.
  absl::Time month_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  absl::Time next_month_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  absl::Duration sum_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, Running> running_ ABSL_GUARDED_BY(mu_);
  bool warned_ ABSL_GUARDED_BY(mu_) = false;
  // Save's: what the file says.
  std::string saved_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_USAGE_METER_H_
