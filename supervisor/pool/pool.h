#ifndef WARREN_SUPERVISOR_POOL_POOL_H_
#define WARREN_SUPERVISOR_POOL_POOL_H_

#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "runtime/plan/template_store.h"
#include "supervisor/pool/demand.h"
#include "supervisor/pool/generations.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_table.h"
#include "warren/internal/plan.pb.h"

namespace warren {

// How many sandboxes of a template to hold ready, whatever the demand.
struct ReadyBounds {
  int minimum = 0;
  int maximum = 0;
};

struct PoolOptions {
  // By template. One that is not named holds what its demand asks for, once it is used.
  std::map<std::string, ReadyBounds> ready;
  // Memory that ready sandboxes may hold together.
  int64_t memory_budget = 0;
  int max_sandboxes = 0;
  // Launches at the same time. More than twice the cores only makes each of them slower.
  int max_launches = 4;
  // Of all sandboxes; empty for "user".
  std::string profile;
  Generations::Bounds generations;
};

// Makes sandboxes, and holds some of each template ready, so that a create does no set-up. It never
// fails because it is empty: then the caller waits for one that is made on demand, in order of
// arrival.
//
// Callers before the pool: while anyone waits nothing is refilled; while cells run the refill takes
// a fifth of a core at most. Among those who wait, the templates take turns, and within one those
// with limits of their own and those with the template's: many of the one kind do not hold up the
// other. What is made for a caller who has left goes to the next who can use it, or into the pool
// as far as that is meant to hold so much, or is destroyed.
//
// All launches go from the IO thread; Take, Make, GiveBack and Status are for any thread. One lock,
// taken before any sandbox's and never while the table's or a sandbox's is held.
// Lifecycle: constructor → Start → (Take | Make)* → Stop.
class Pool {
 public:
  struct Made {
    std::shared_ptr<Sandbox> sandbox;
    std::vector<warren::v1::StageTiming> stages;
  };
  using MadeCallback = absl::AnyInvocable<void(absl::StatusOr<Made>)>;

  // A caller who waits.
  struct Waiter;
  using Ticket = std::shared_ptr<Waiter>;

  // `templates` hold, per template, the limits of a sandbox for which nobody asked for others.
  struct PoolTemplate {
    Template source;
    warren::v1::Limits default_limits;
  };

  Pool(SandboxHost& host, SandboxTable& table, internal::HostFacts facts,
       std::map<std::string, PoolTemplate> templates, PoolOptions options);

  // IO thread, as is everything called On...
  void Start();
  // Fails whoever waits, and makes nothing further.
  void Stop();
  void OnZygoteExited(uint64_t zygote_id, const std::string& reason);
  // A sandbox is gone: there may be room for another.
  void OnSandboxGone();
  // The caller has left: its callback runs now, with CANCELLED, unless it has run already.
  void Cancel(const Ticket& ticket);

  // A ready sandbox with the template's default limits; null when none is ready.
  std::shared_ptr<Sandbox> Take(const std::string& template_id);
  // Makes one; `on_made` runs once, on the IO thread. RESOURCE_EXHAUSTED at once, and null, when
  // all slots are leased.
  Ticket Make(const std::string& template_id, const warren::v1::Limits& limits,
              MadeCallback on_made);
  // Lends the template's present zygote for a fork: `on_lent` runs once, at once where there is
  // one, else on the IO thread when one is warm, or when it is known that none will be. What is
  // lent is not stopped before it is given back.
  using LentCallback = absl::AnyInvocable<void(absl::StatusOr<uint64_t>)>;
  void Lend(const std::string& template_id, LentCallback on_lent);
  void GiveZygoteBack(const std::string& template_id, uint64_t zygote_id);

  // Of those that Make has made, so many more or less are in use without a lease: they are not on
  // their way out.
  void CountUnleased(int change);

  // What was made, but found its caller gone.
  void GiveBack(std::shared_ptr<Sandbox> sandbox);

  std::vector<warren::v1::PoolStatus> Status() const;
  // As its zygote reported it; empty before it was started.
  std::string PythonVersion(const std::string& template_id) const;
  // Of contexts, as its zygote reported them; before it was started "python", which all have.
  std::vector<std::string> Languages(const std::string& template_id) const;

 private:
  static constexpr int kMaxRetries = 2;
  // On a host of pace 1 (docs/TIMING.md), as all times here. After a refill that failed.
  static constexpr std::chrono::seconds kRefillBackOff{1};
  // After a sandbox was taken.
  static constexpr std::chrono::milliseconds kRefillDelay{10};
  // While cells run, a refill is followed by a pause of so many times its own duration.
  static constexpr int kPauseFactor = 4;

  struct TemplatePool {
    TemplatePool(PoolTemplate from, Generations::Bounds generation)
        : what(std::move(from)),
          default_key(what.default_limits.SerializeAsString()),
          zygotes(generation) {}
    size_t waiting() const { return common_waiters.size() + own_waiters.size(); }
    PoolTemplate what;
    // Its default limits, to compare.
    std::string default_key;
    Generations zygotes;
    Demand demand;
    std::deque<std::shared_ptr<Sandbox>> ready;
    // Those that take any sandbox with the template's default limits, and those with limits of
    // their own; each in order of arrival.
    std::deque<Ticket> common_waiters;
    std::deque<Ticket> own_waiters;
    // Whose turn it was last.
    bool served_own = false;
    // Launches under way that make sandboxes with default limits.
    int making = 0;
    ReadyBounds bounds{0, std::numeric_limits<int>::max()};
    bool used = false;
    int64_t hits = 0;
    int64_t misses = 0;
    // Bytes of a fresh sandbox, averaged.
    int64_t memory_each = 16 << 20;
    MonotonicTime next_trim;
    std::string python_version;
    std::vector<std::string> languages{kDefaultLanguage};
    // Who waits for a zygote to be lent.
    std::vector<LentCallback> borrowers;
  };
  // A sandbox in the making.
  struct Launch {
    TemplatePool* pool;
    uint64_t zygote_id;
    warren::v1::Limits limits;
    // Set for a launch with limits of its own.
    Ticket owner;
    bool refill = false;
    std::string id;
    MonotonicTime began;
    std::vector<warren::v1::StageTiming> stages;
  };

  // On the IO thread.
  void Pump(MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PumpZygote(TemplatePool& pool, MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StartZygote(TemplatePool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LaunchForWaiters() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool LaunchNextOf(TemplatePool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Refill(TemplatePool& pool, MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Trim(TemplatePool& pool, MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeginLaunch(TemplatePool& pool, Ticket owner, bool refill)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndLaunch(Launch& launch, MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ServeBorrowers(TemplatePool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FailWaiters(TemplatePool& pool, const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PumpAt(MonotonicTime when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // On any thread.
  absl::Status Admit(const std::string& template_id, const Ticket& ticket)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Who gets what `launch` made, or what became of it; null where nobody waits for it.
  Ticket WaiterFor(const Launch& launch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Off the list; its callback is the caller's.
  void TakeOff(TemplatePool& pool, const Ticket& ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A sandbox that nobody has seen and nobody waits for.
  void KeepOrDestroy(TemplatePool& pool, std::shared_ptr<Sandbox> sandbox)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int MostReady(const TemplatePool& pool) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int Target(const TemplatePool& pool, MonotonicTime now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  size_t waiting() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PostPump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Without it.
  void OnLaunched(std::shared_ptr<Launch> launch, absl::StatusOr<LauncherMessage> reply);
  void OnReady(std::shared_ptr<Launch> launch, std::shared_ptr<Sandbox> sandbox,
               absl::Status status);
  void OnLaunchFailed(Launch& launch, absl::Status why);
  void OnDeath(TemplatePool& pool, const Sandbox* sandbox);

  SandboxHost& host_;
  SandboxTable& table_;
  const internal::HostFacts facts_;
  const PoolOptions options_;

  mutable Mutex mu_;
  std::map<std::string, TemplatePool> pools_ ABSL_GUARDED_BY(mu_);
  // Who is served first the next time, among the pools.
  size_t turn_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  int launches_ ABSL_GUARDED_BY(mu_) = 0;
  int refills_ ABSL_GUARDED_BY(mu_) = 0;
  // Launches that the launcher has not answered: they count as existing.
  int unanswered_ ABSL_GUARDED_BY(mu_) = 0;
  int unleased_ ABSL_GUARDED_BY(mu_) = 0;
  // While cells run, the next refill's time; after one that failed, in any case.
  MonotonicTime next_refill_ ABSL_GUARDED_BY(mu_);
  MonotonicTime refill_not_before_ ABSL_GUARDED_BY(mu_);
  TimerId pump_timer_ ABSL_GUARDED_BY(mu_) = 0;
  MonotonicTime pump_time_ ABSL_GUARDED_BY(mu_) = MonotonicTime::max();
  bool pump_posted_ ABSL_GUARDED_BY(mu_) = false;
};

struct Pool::Waiter {
  // Once, without the pool's lock. What the callback holds goes with it.
  void Answer(absl::StatusOr<Made> made) { std::exchange(on_made, nullptr)(std::move(made)); }

  TemplatePool* pool = nullptr;
  warren::v1::Limits limits;
  // The same, to compare.
  std::string limits_key;
  // Takes any sandbox with the template's default limits, not only the one launched for it.
  bool takes_default = false;
  // Its own launch is under way; for those that take no default.
  bool launched = false;
  // On a list: it has had no answer yet.
  bool waiting = false;
  int retries = 0;
  MonotonicTime since;
  MadeCallback on_made;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_POOL_POOL_H_
