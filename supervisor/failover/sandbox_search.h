#ifndef WARREN_SUPERVISOR_FAILOVER_SANDBOX_SEARCH_H_
#define WARREN_SUPERVISOR_FAILOVER_SANDBOX_SEARCH_H_

#include <memory>
#include <string>
#include <vector>

#include "supervisor/failover/member.h"
#include "supervisor/failover/timers.h"

namespace warren {

// Looks for a sandbox that no placement tells of: asks all members at once, as its caller, and the
// first that has it wins. NOT_FOUND where all say that they have not; UNAVAILABLE where one could
// not be asked, for it may be there. It keeps itself alive until it has replied, on the timers'
// thread, which is the only one that touches it after Start. Lifecycle: constructor → Start.
class SandboxSearch final : public std::enable_shared_from_this<SandboxSearch> {
 public:
  struct Found {
    std::shared_ptr<Member> member;
    std::shared_ptr<SandboxHandle> handle;
  };

  SandboxSearch(std::shared_ptr<Timers> timers, Call call, std::string id, Reply<Found> reply)
      : timers_(std::move(timers)),
        call_(std::move(call)),
        id_(std::move(id)),
        reply_(std::move(reply)) {}

  // Not from within a reply.
  void Start(const std::vector<std::shared_ptr<Member>>& members);

 private:
  void Ask(const std::shared_ptr<Member>& member);
  void OnOpened(const std::shared_ptr<Member>& member,
                absl::StatusOr<std::shared_ptr<SandboxHandle>> handle);
  // One has it (OK) or not.
  void OnAnswer(const std::shared_ptr<Member>& member, std::shared_ptr<SandboxHandle> handle,
                const absl::Status& answer);

  const std::shared_ptr<Timers> timers_;
  const Call call_;
  const std::string id_;
  // Null once it was called.
  Reply<Found> reply_;
  size_t waited_for_ = 0;
  // Names of members that could not be asked.
  std::vector<std::string> silent_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_SANDBOX_SEARCH_H_
