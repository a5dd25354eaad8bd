#ifndef WARREN_SUPERVISOR_FAILOVER_PLACEMENTS_H_
#define WARREN_SUPERVISOR_FAILOVER_PLACEMENTS_H_

#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/mutex.h"
#include "supervisor/failover/member.h"

namespace warren {

// Where one sandbox lives.
struct Placement {
  std::shared_ptr<Member> member;
  // Its id there; another than the public one once it was made anew.
  std::string inner_id;
  // The tenant that it is of. Nothing where the operator alone has asked for it.
  std::optional<std::string> owner;
  // What it was made by, where it is to be made anew when its member is lost; else null.
  std::shared_ptr<const v1::CreateSandboxRequest> recreate;
  // Of its route.
  int draw = 0;
  int recreations = 0;
};

// Where sandboxes live, by their public ids: at most kMost of them, those that nobody used for
// longest go. It is a memory alone: whoever is not in it is looked for. Thread-safe.
class Placements {
 public:
  static constexpr size_t kMost = 16384;

  // Takes the place of what was said of it.
  void Put(const std::string& id, Placement placement);
  // Null where it is not known. A use.
  std::shared_ptr<const Placement> Find(const std::string& id);
  // The public id of what a member calls `inner_id`; that one where it is not known.
  std::string PublicId(const Member& member, const std::string& inner_id) const;
  // Whether what the member calls `inner_id` is known to live on another one. Two of them may lead
  // to one server: one that is retired, and one that has its place with another key.
  bool LivesElsewhere(const Member& member, const std::string& inner_id) const;
  void Forget(const std::string& id);
  // The member has it no more; the public id, where it lives there as far as we know.
  std::optional<std::string> ForgetInner(const Member& member, const std::string& inner_id);
  // Whether it was known to live somewhere until that said that it has it no more: no other member
  // need be asked. The newest kMost are remembered.
  bool HasEnded(const std::string& id) const;
  size_t CountOn(const Member& member) const;
  // Whether there are any whose inner id is another.
  bool has_renamed() const { return renamed_ > 0; }

 private:
  struct Entry {
    std::shared_ptr<const Placement> placement;
    std::list<std::string>::iterator place;
  };

  std::string PublicIdLocked(const Member& member, const std::string& inner_id) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void EndLocked(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetLocked(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  // The least recently used first.
  std::list<std::string> in_order_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
  // Public ids by inner ones, of those where they differ.
  std::unordered_map<std::string, std::string> public_ids_ ABSL_GUARDED_BY(mu_);
  // And in the order in which they ended; those that were put again are in the second alone.
  std::unordered_set<std::string> ended_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> ended_in_order_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<const Member*, size_t> counts_ ABSL_GUARDED_BY(mu_);
  std::atomic<size_t> renamed_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_PLACEMENTS_H_
