#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/session/sandbox.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// How long a sandbox lives, and what happens then.
struct Lifetime {
  absl::Duration length;
  warren::v1::LifetimeFrom from = warren::v1::LIFETIME_FROM_LAST_USE;
  warren::v1::OnExpiry on_expiry = warren::v1::ON_EXPIRY_KILL;
};

// What a client gets with a sandbox. Immutable once it is published: who finds it shares it, and a
// new lifetime, a pause and a resume are new leases.
struct Lease {
  std::shared_ptr<Sandbox> sandbox;
  // Whose it is; empty for the operator.
  std::string tenant;
  // What doors are given, made once.
  std::shared_ptr<SandboxHandle> handle;
  Lifetime lifetime;
  absl::Time created_at;
  MonotonicTime made_at;
  // Since it was made, or resumed; and how long it ran before.
  MonotonicTime runs_since;
  absl::Duration ran;
  // When its lifetime ends, where that is counted from the call that set it; of one that is paused,
  // when it is removed.
  MonotonicTime ends_at;
  // Of one that is paused: what was left of its lifetime.
  std::optional<absl::Duration> left;

  // When it ends, as things are now.
  MonotonicTime End() const;
  absl::Time expires_at() const;
  // How long it has run, without its pauses.
  absl::Duration RanUntil(MonotonicTime now) const;
  std::map<std::string, std::string> metadata;
  std::vector<warren::v1::StageTiming> stages;
  bool from_pool = false;
};
using LeaseRef = std::shared_ptr<const Lease>;

// Every sandbox: those that exist in the kernel (the pool's included), to which the launcher's
// events go, and those that are leased to clients, each with its lifetime. A leased sandbox that
// died stays on record, as DEAD with its reason, until it is destroyed or its lifetime ends.
//
// A lifetime that counts from the last use has one timer all the same: when it fires it looks at
// when that was, and is armed again. sandbox_expiry.cc has what is about lifetimes.
//
// Thread-safe. It is locked before any sandbox is.
class SandboxTable {
 public:
  // Records of dead sandboxes beyond this many are forgotten, oldest first.
  static constexpr size_t kMaxDeadRecords = 1024;
  // How long a paused sandbox is kept: it holds its memory.
  static constexpr std::chrono::hours kPausedKept{24};
  // Between the attempts to pause one whose lifetime has ended, while that is refused; after the
  // last it is killed.
  static constexpr std::chrono::seconds kExpiryPauseRetry{1};
  static constexpr int kExpiryPauseAttempts = 10;
  struct Times {
    std::chrono::nanoseconds paused_kept = kPausedKept;
    std::chrono::nanoseconds expiry_pause_retry = kExpiryPauseRetry;
  };
  // Told, without the lock, of what is not on record any more.
  using ForgottenCallback = std::function<void(const std::string& id)>;

  SandboxTable(IoLoop& loop, ForgottenCallback on_forgotten, Times times)
      : loop_(loop), on_forgotten_(std::move(on_forgotten)), times_(times) {}
  explicit SandboxTable(
      IoLoop& loop, ForgottenCallback on_forgotten = [](const std::string&) {})
      : SandboxTable(loop, std::move(on_forgotten), Times()) {}

  // Before the sandbox's first event can come.
  void Add(std::shared_ptr<Sandbox> sandbox);
  // IO thread. Routes AgentWanted, ProcessExited and SandboxGone.
  void OnAgentWanted(const std::string& sandbox_id);
  void OnProcessExited(const internal::ProcessExited& event);
  void OnGone(const internal::SandboxGone& event);
  // Every sandbox goes with it, and nobody else tells of that.
  void OnLauncherGone();

  // Leases a sandbox for its lifetime, from now; at its end the sandbox is paused, or destroyed and
  // forgotten.
  LeaseRef Publish(Lease lease);
  // Null when it is not on record.
  LeaseRef Find(const std::string& id) const;
  // What is unspecified stays as it was. From now; a use of it. Of one that is paused it
  // is what is left.
  LeaseRef SetLifetime(const std::string& id, const Lifetime& lifetime);
  // It is paused: its lifetime stands still, and it is removed after some time. It runs again, for
  // what was left of its lifetime, or for all of it where it had ended; with a length for that,
  // from now, whether it was paused or not.
  LeaseRef NotePaused(const std::string& id);
  LeaseRef NoteResumed(const std::string& id, std::optional<absl::Duration> length);
  // Takes a sandbox off the record; killing it is the caller's.
  LeaseRef Remove(const std::string& id);

  // Leases by their place in the order in which they were published: at most `most` of those behind
  // `after` (0: from the first) that `matches`, which must be quick.
  struct Place {
    uint64_t sequence;
    LeaseRef lease;
  };
  enum class Order { kOldestFirst, kNewestFirst };
  std::vector<Place> List(Order order, uint64_t after, size_t most,
                          const std::function<bool(const Lease&)>& matches) const;
  std::vector<LeaseRef> All() const;
  // The place of the newest.
  uint64_t last_sequence() const;

  // Sandboxes in the kernel, and those of them that are leased.
  size_t existing() const;
  size_t leased() const;

 private:
  struct Record {
    LeaseRef lease;
    TimerId expiry = 0;
    uint64_t sequence = 0;
    // To pause it at the end of its lifetime.
    int pause_attempts = 0;
  };
  using Records = std::unordered_map<std::string, Record>;
  std::shared_ptr<Sandbox> FindExisting(const std::string& id) const;
  // Sees to the end of the lease that the record has now.
  void ArmExpiry(Record& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArmExpiryAt(Record& record, MonotonicTime when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Expire(const std::string& id);
  void PauseExpired(const LeaseRef& lease);
  void OnExpiredPaused(const LeaseRef& lease, const absl::Status& status);
  // Whether a sandbox has got another lifetime than this lease's, and is not on record as paused.
  bool GivenMore(const LeaseRef& lease);
  bool OnRecordAsPaused(const LeaseRef& lease);
  // Puts a lease in the place of the record's.
  LeaseRef Replace(Record& record, Lease lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  LeaseRef Erase(Records::iterator record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Empty, or the id of the record that had to go for it.
  std::string NoteDead(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  IoLoop& loop_;
  const ForgottenCallback on_forgotten_;
  const Times times_;
  mutable Mutex mu_;
  std::unordered_map<std::string, std::shared_ptr<Sandbox>> existing_ ABSL_GUARDED_BY(mu_);
  Records records_ ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, LeaseRef> in_order_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> dead_ ABSL_GUARDED_BY(mu_);
  uint64_t last_sequence_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_
