#ifndef WARREN_SUPERVISOR_FAILOVER_LOST_SANDBOXES_H_
#define WARREN_SUPERVISOR_FAILOVER_LOST_SANDBOXES_H_

#include <list>
#include <memory>
#include <string>

#include "runtime/base/mutex.h"
#include "supervisor/failover/member.h"
#include "supervisor/failover/timers.h"

namespace warren {

// Sandboxes that nobody is to have any more, for another took their place: made too late by a
// backend that was given up, or made anew elsewhere. They are destroyed as soon as their backend
// answers. At most kMost; the oldest are left to their lifetime's end then.
//
// Thread-safe; calls no backend with its lock held.
class LostSandboxes : public std::enable_shared_from_this<LostSandboxes> {
 public:
  static constexpr size_t kMost = 1024;

  explicit LostSandboxes(std::shared_ptr<Timers> timers) : timers_(std::move(timers)) {}

  // Destroys it soon, or when Sweep says that its member is back. For within a reply too.
  void Add(const std::shared_ptr<Member>& member, const std::string& inner_id);
  // Destroys those on this member. Not from within a reply.
  void Sweep(const std::shared_ptr<Member>& member);
  bool Has(const Member& member, const std::string& inner_id) const;

 private:
  struct Lost {
    std::shared_ptr<Member> member;
    std::string inner_id;
    // It is being destroyed.
    bool under_way = false;
  };

  void Destroy(const std::shared_ptr<Member>& member, const std::string& inner_id);
  void OnDestroyed(const std::shared_ptr<Member>& member, const std::string& inner_id,
                   const absl::Status& status);

  const std::shared_ptr<Timers> timers_;
  mutable Mutex mu_;
  // Oldest first.
  std::list<Lost> lost_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_LOST_SANDBOXES_H_
