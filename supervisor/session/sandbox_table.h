#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/mutex.h"
#include "supervisor/session/sandbox.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// What a client gets with a sandbox. Immutable once it is published: who finds it shares it, and a
// new lifetime is a new lease.
struct Lease {
  std::shared_ptr<Sandbox> sandbox;
  // What doors are given, made once.
  std::shared_ptr<SandboxHandle> handle;
  absl::Time created_at;
  absl::Time expires_at;
  std::map<std::string, std::string> metadata;
  std::vector<warren::v1::StageTiming> stages;
  bool from_pool = false;
};
using LeaseRef = std::shared_ptr<const Lease>;

// Every sandbox: those that exist in the kernel (the pool's included), to which the launcher's
// events go, and those that are leased to clients, each with its lifetime. A leased sandbox that
// died stays on record, as DEAD with its reason, until it is destroyed or its lifetime ends.
//
// Thread-safe. It is locked before any sandbox is.
class SandboxTable {
 public:
  // Records of dead sandboxes beyond this many are forgotten, oldest first.
  static constexpr size_t kMaxDeadRecords = 1024;
  // Told, without the lock, of what is not on record any more.
  using ForgottenCallback = std::function<void(const std::string& id)>;

  explicit SandboxTable(
      IoLoop& loop, ForgottenCallback on_forgotten = [](const std::string&) {})
      : loop_(loop), on_forgotten_(std::move(on_forgotten)) {}

  // Before the sandbox's first event can come.
  void Add(std::shared_ptr<Sandbox> sandbox);
  // IO thread. Routes ProcessExited and SandboxGone.
  void OnProcessExited(const internal::ProcessExited& event);
  void OnGone(const internal::SandboxGone& event);

  // Leases a sandbox for `lifetime` from now; when it ends the sandbox is destroyed and forgotten.
  LeaseRef Publish(Lease lease, absl::Duration lifetime);
  // Null when it is not on record.
  LeaseRef Find(const std::string& id) const;
  LeaseRef SetLifetime(const std::string& id, absl::Duration lifetime);
  // Takes a sandbox off the record; killing it is the caller's.
  LeaseRef Remove(const std::string& id);

  // Leases by their place in the order in which they were published, oldest first: at most `most`
  // of those behind `after` (0: from the first) that `matches`, which must be quick.
  struct Place {
    uint64_t sequence;
    LeaseRef lease;
  };
  std::vector<Place> List(uint64_t after, size_t most,
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
  };
  using Records = std::unordered_map<std::string, Record>;
  std::shared_ptr<Sandbox> FindExisting(const std::string& id) const;
  TimerId ArmExpiry(const std::string& id, absl::Duration lifetime);
  void Expire(const std::string& id);
  LeaseRef Erase(Records::iterator record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Empty, or the id of the record that had to go for it.
  std::string NoteDead(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  IoLoop& loop_;
  const ForgottenCallback on_forgotten_;
  mutable Mutex mu_;
  std::unordered_map<std::string, std::shared_ptr<Sandbox>> existing_ ABSL_GUARDED_BY(mu_);
  Records records_ ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, LeaseRef> in_order_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> dead_ ABSL_GUARDED_BY(mu_);
  uint64_t last_sequence_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_
