#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/session/sandbox.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// What a client gets with a sandbox.
struct Lease {
  std::shared_ptr<Sandbox> sandbox;
  absl::Time created_at;
  absl::Time expires_at;
  std::map<std::string, std::string> metadata;
  std::vector<warren::v1::StageTiming> stages;
  bool from_pool = false;
};

// Every sandbox: those that exist in the kernel (the pool's included), to which the launcher's
// events go, and those that are leased to clients, each with its lifetime. A leased sandbox that
// died stays on record, as DEAD with its reason, until it is destroyed or its lifetime ends.
//
// Thread-safe. It is locked before any sandbox is.
class SandboxTable {
 public:
  // Records of dead sandboxes beyond this many are forgotten, oldest first.
  static constexpr size_t kMaxDeadRecords = 1024;

  explicit SandboxTable(IoLoop& loop) : loop_(loop) {}

  // Before the sandbox's first event can come.
  void Add(std::shared_ptr<Sandbox> sandbox);
  // IO thread. Routes ProcessExited and SandboxGone.
  void OnProcessExited(const internal::ProcessExited& event);
  void OnGone(const internal::SandboxGone& event);

  // Leases a sandbox for `lifetime` from now; when it ends the sandbox is destroyed and forgotten.
  Lease Publish(Lease lease, absl::Duration lifetime);
  std::optional<Lease> Find(const std::string& id) const;
  std::optional<Lease> SetLifetime(const std::string& id, absl::Duration lifetime);
  // Takes a sandbox off the record; killing it is the caller's.
  std::optional<Lease> Remove(const std::string& id);
  // Oldest first.
  std::vector<Lease> List() const;

  // Sandboxes in the kernel, and those of them that are leased.
  size_t existing() const;
  size_t leased() const;

 private:
  struct Record {
    Lease lease;
    TimerId expiry = 0;
    uint64_t sequence = 0;
  };
  std::shared_ptr<Sandbox> FindExisting(const std::string& id) const;
  TimerId ArmExpiry(const std::string& id, absl::Duration lifetime);
  void Expire(const std::string& id);
  void ForgetOldestDead();

  IoLoop& loop_;
  mutable std::mutex mu_;
  std::unordered_map<std::string, std::shared_ptr<Sandbox>> existing_;
  std::unordered_map<std::string, Record> records_;
  std::deque<std::string> dead_;
  uint64_t last_sequence_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_TABLE_H_
