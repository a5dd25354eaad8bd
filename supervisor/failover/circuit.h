#ifndef WARREN_SUPERVISOR_FAILOVER_CIRCUIT_H_
#define WARREN_SUPERVISOR_FAILOVER_CIRCUIT_H_

#include <optional>

#include "absl/time/time.h"
#include "runtime/loop/timer_queue.h"
#include "warren/config/backends.pb.h"

namespace warren {

// What config::Circuit says, its defaults filled in.
struct CircuitSettings {
  int failures = 3;
  absl::Duration retry = absl::Seconds(2);
  absl::Duration probe = absl::Seconds(5);
  absl::Duration probe_timeout = absl::Milliseconds(500);

  static CircuitSettings From(const config::Circuit& circuit);
};

// A circuit breaker. Closed: all passes, and so many failures in a row open it. Open: nothing
// passes until its time is over. Half open: one passes, the trial. A success closes it, whoever
// brings it; a failure of the trial opens it for twice as long, up to a minute.
//
// Pure: the time is passed in. Thread-compatible.
class Circuit {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };
  enum class Pass { kNo, kYes, kTrial };

  explicit Circuit(const CircuitSettings& settings);

  State state(MonotonicTime now) const;
  // kTrial: whoever got it ends it, by OnSuccess, OnFailure or EndTrial.
  Pass TryPass(MonotonicTime now);
  void OnSuccess();
  // One that comes while it is open tells nothing new.
  void OnFailure(MonotonicTime now);
  // It ended without saying whether the backend is well: another may try.
  void EndTrial() { trial_ = false; }
  // When it is half open; nothing while it is closed.
  std::optional<MonotonicTime> retry_at() const;
  // Changes no state.
  void Configure(const CircuitSettings& settings) { settings_ = settings; }
  const CircuitSettings& settings() const { return settings_; }

 private:
  CircuitSettings settings_;
  bool open_ = false;
  bool trial_ = false;
  int failures_ = 0;
  absl::Duration delay_;
  MonotonicTime retry_at_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_CIRCUIT_H_
