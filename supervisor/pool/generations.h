#ifndef WARREN_SUPERVISOR_POOL_GENERATIONS_H_
#define WARREN_SUPERVISOR_POOL_GENERATIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "runtime/loop/timer_queue.h"

namespace warren {

// The zygotes of one template, one generation after the other: when to start one, which to fork
// from, when to stop an old one. What all forks of a generation share (hash seed, address layout)
// is bounded by its age and its forks.
//
// Pure bookkeeping: it decides, the pool acts. Thread-compatible.
// Lifecycle of a generation: WantsStart → Starting → Started → (BeginFork → EndFork)* → retired by
// age or count when the next one has started, or Exited.
class Generations {
 public:
  struct Bounds {
    std::chrono::seconds max_age{3600};
    int64_t max_forks = 10000;
  };
  static constexpr std::chrono::milliseconds kFirstBackOff{500};
  static constexpr std::chrono::milliseconds kLongestBackOff{30000};

  explicit Generations(Bounds bounds) : bounds_(bounds) {}

  // True when there is none, or the present one is too old, and nothing hinders starting one now.
  bool WantsStart(MonotonicTime now) const;
  void Starting() { starting_ = true; }
  void Started(uint64_t zygote_id, MonotonicTime now);
  // It could not be started: the next attempt waits, longer each time.
  void StartFailed(absl::Status why, MonotonicTime now);
  // It died by itself. False when it is none of these.
  bool Exited(uint64_t zygote_id, MonotonicTime now);

  // The zygote to fork from; 0 when there is none.
  uint64_t current() const { return current_ ? current_->zygote_id : 0; }
  void BeginFork();
  void EndFork(uint64_t zygote_id);
  // Zygotes that nothing needs any more: stop them.
  std::vector<uint64_t> TakeFinished();

  // When to ask WantsStart again: the end of a back-off, or of the present generation's time.
  std::optional<MonotonicTime> NextChange(MonotonicTime now) const;
  // Why there is none, while waiting for the next attempt; OK otherwise.
  absl::Status Hindrance(MonotonicTime now) const;

  int64_t number() const { return number_; }
  int64_t forks() const { return current_ ? current_->forks : 0; }

 private:
  struct Generation {
    uint64_t zygote_id;
    MonotonicTime started;
    int64_t forks = 0;
    int in_flight = 0;
  };
  void BackOff(MonotonicTime now);

  Bounds bounds_;
  std::optional<Generation> current_;
  std::vector<Generation> retiring_;
  bool starting_ = false;
  int64_t number_ = 0;
  absl::Status last_error_;
  std::chrono::milliseconds back_off_{0};
  MonotonicTime not_before_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_POOL_GENERATIONS_H_
