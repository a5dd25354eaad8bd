#ifndef WARREN_SUPERVISOR_SESSION_DETACHED_EXECUTIONS_H_
#define WARREN_SUPERVISOR_SESSION_DETACHED_EXECUTIONS_H_

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/session/execution.h"

namespace warren {

class ExecutionRunner;

// Executions that a client may connect to, by their id: those whose client left, until one connects
// again, and from their start those that may be left without a word (Execution::kept), also by
// their request's id; and for a while those that have ended since. Bounded by number, by time, and
// in bytes by the budget that their buffers share.
//
// Thread-safe; it outlives the executions. It calls nothing of an execution's with its lock held.
class DetachedExecutions {
 public:
  // Ended ones beyond so many, in all and of one sandbox, are forgotten, oldest first.
  static constexpr size_t kMaxEnded = 1024;
  static constexpr size_t kMaxEndedOfSandbox = 64;
  // How long one that has ended is kept.
  static constexpr std::chrono::seconds kKept{300};

  // `bytes`: of all buffers together; they count in `whole` too.
  DetachedExecutions(IoLoop& loop, int64_t bytes, MemoryBudget* whole,
                     std::chrono::nanoseconds kept = kKept)
      : loop_(loop), kept_(kept), budget_(bytes, whole) {}
  ~DetachedExecutions();
  // Forgets all, keeps none from now on, and touches the loop no more: before that goes.
  void Stop();

  struct Found {
    std::shared_ptr<ExecutionRunner> runner;
    std::shared_ptr<Execution> execution;
  };
  // `runner` is where it runs.
  void Add(const std::string& sandbox_id, std::shared_ptr<ExecutionRunner> runner,
           std::shared_ptr<Execution> execution);
  // The same, unless another was asked for with this request id and is on record: then that one,
  // and nothing is added. INVALID_ARGUMENT: its request was not the same one.
  absl::StatusOr<Found> AddOnce(const std::string& sandbox_id, const std::string& request_id,
                                const std::string& fingerprint,
                                std::shared_ptr<ExecutionRunner> runner,
                                std::shared_ptr<Execution> execution);
  // It ended; from within the execution.
  void Ended(const std::string& execution_id);
  // Nulls when there is none in this sandbox.
  absl::StatusOr<Found> FindRequest(const std::string& sandbox_id, const std::string& request_id,
                                    const std::string& fingerprint) const;
  Found Find(const std::string& sandbox_id, const std::string& execution_id) const;
  // It has a client again.
  void Remove(const std::string& execution_id);
  // Nobody can ask for them any more.
  void ForgetSandbox(const std::string& sandbox_id);

  MemoryBudget* budget() { return &budget_; }
  size_t size() const;

 private:
  struct EndedOne {
    std::string execution_id;
    std::string sandbox_id;
    MonotonicTime forget_at;
  };
  struct Entry {
    std::string sandbox_id;
    std::shared_ptr<ExecutionRunner> runner;
    std::shared_ptr<Execution> execution;
    // With the sandbox's, as in requests_; empty for none.
    std::string request_key;
    std::string fingerprint;
    // Where it is in ended_, once it has ended.
    std::list<EndedOne>::iterator ended;
    bool has_ended = false;
  };
  using Entries = std::unordered_map<std::string, Entry>;
  void Erase(Entries::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetOldestOf(const std::string& sandbox_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArmTimer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetOld();

  IoLoop& loop_;
  const std::chrono::nanoseconds kept_;
  // Before the executions, which are charged to it to their end.
  MemoryBudget budget_;

  static std::string RequestKey(const std::string& sandbox_id, const std::string& request_id);
  absl::StatusOr<Found> FindRequestLocked(const std::string& key,
                                          const std::string& fingerprint) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  Entries entries_ ABSL_GUARDED_BY(mu_);
  // Request key → execution id.
  std::unordered_map<std::string, std::string> requests_ ABSL_GUARDED_BY(mu_);
  // Oldest first.
  std::list<EndedOne> ended_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, size_t> ended_of_sandbox_ ABSL_GUARDED_BY(mu_);
  TimerId timer_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_DETACHED_EXECUTIONS_H_
