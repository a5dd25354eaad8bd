#ifndef WARREN_SUPERVISOR_FAILOVER_MEMBER_H_
#define WARREN_SUPERVISOR_FAILOVER_MEMBER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/failover/circuit.h"

namespace warren {

// What is said of a backend whose budget is spent.
inline constexpr char kBudgetSpent[] = "its budget of this month is used up";

struct BudgetState {
  absl::Duration used;
  absl::Duration limit;
  // It gets no creates any more.
  bool spent = false;
};

// What a member is made of, by others.
struct MemberSpec {
  std::string name;
  v1::BackendStatus::Kind kind = v1::BackendStatus::KIND_UNSPECIFIED;
  std::shared_ptr<Backend> backend;
  config::Circuit circuit;
  // Null: it has none. For any thread; does not block.
  std::function<BudgetState()> budget;
};

// Whether members were probed for who asks. One probe that failed opens no circuit and is not worth
// a word of its own, but whoever had it asked is to know.
enum class Probed { kBefore, kNow };

// One backend that is no list of others, and what is known of how it does. Thread-safe; its backend
// is never called by it.
class Member {
 public:
  explicit Member(MemberSpec spec);

  const std::string& name() const { return name_; }
  v1::BackendStatus::Kind kind() const { return kind_; }
  Backend& backend() const { return *backend_; }
  bool Is(const MemberSpec& spec) const;
  // Its settings of a configuration that was read again. It is not retired any more.
  void Configure(const MemberSpec& spec);

  // ---- Its circuit
  Circuit::Pass TryPass(MonotonicTime now);
  void EndTrial();
  // It answered, be it with a refusal.
  void OnAnswered();
  // A create that it failed.
  void OnFailure(MonotonicTime now, const absl::Status& why);
  // A probe that it answered after `latency`, or that failed.
  void OnProbed(MonotonicTime now, const absl::StatusOr<absl::Duration>& latency);
  // Its circuit is not closed, so it gets no creates but trials.
  bool down() const;
  // It is down and its last probe failed: not only its creates do, it cannot be reached.
  bool lost() const;
  // Why it is down; for clients. OK where nothing failed since it answered.
  absl::Status problem() const;
  CircuitSettings settings() const;
  // When it is worth to be probed next.
  MonotonicTime NextProbe(MonotonicTime now) const;

  std::optional<BudgetState> Budget() const;
  bool retired() const { return retired_; }
  void Retire() { retired_ = true; }

  // ---- Counters
  void CountCreate() { ++creates_; }
  void CountFailure() { ++failures_; }
  void CountPassedOn() { ++passed_on_; }

  // All but what is known of its sandboxes.
  v1::BackendStatus Describe(MonotonicTime now, Probed probed) const;

 private:
  // Logs what changed.
  void Tell(Circuit::State before, Circuit::State after, const absl::Status& why) const;
  void OnFailureLocked(MonotonicTime now, const absl::Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Circuit::State OpenOrClosed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string name_;
  const v1::BackendStatus::Kind kind_;
  const std::shared_ptr<Backend> backend_;
  std::atomic<bool> retired_ = false;
  std::atomic<int64_t> creates_ = 0;
  std::atomic<int64_t> failures_ = 0;
  std::atomic<int64_t> passed_on_ = 0;
  mutable Mutex mu_;
  Circuit circuit_ ABSL_GUARDED_BY(mu_);
  std::function<BudgetState()> budget_ ABSL_GUARDED_BY(mu_);
  absl::Status problem_ ABSL_GUARDED_BY(mu_);
  bool probe_failed_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Duration> latency_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_MEMBER_H_
