#ifndef WARREN_SUPERVISOR_FAILOVER_RECREATOR_H_
#define WARREN_SUPERVISOR_FAILOVER_RECREATOR_H_

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/base/mutex.h"
#include "supervisor/failover/create_attempts.h"
#include "supervisor/failover/placements.h"

namespace warren {

// Makes sandboxes anew whose member is lost, each once at a time: who asks for one meanwhile waits
// for it. What was lost is destroyed when its member is back.
//
// Thread-safe; calls nobody with its lock held.
class Recreator : public std::enable_shared_from_this<Recreator> {
 public:
  Recreator(CreateTools tools, std::shared_ptr<Placements> placements)
      : tools_(std::move(tools)), placements_(std::move(placements)) {}

  // The placement, whose member is lost, has what it is made from and an owner. `members` are those
  // that may make it, in order. Not from within a reply.
  void Open(const Call& call, const std::string& id,
            const std::shared_ptr<const Placement>& placement,
            std::vector<std::shared_ptr<Member>> members,
            Reply<std::shared_ptr<SandboxHandle>> reply);

 private:
  struct Waiting {
    Call call;
    Reply<std::shared_ptr<SandboxHandle>> reply;
  };

  // On the timers' thread.
  void OnMade(const std::string& id, const std::shared_ptr<const Placement>& before,
              absl::StatusOr<CreateAttempts::Made> made);
  // Where it is now, after it was made; null where it was not, `status` being why.
  std::shared_ptr<const Placement> Move(const std::string& id, const Placement& before,
                                        const absl::StatusOr<CreateAttempts::Made>& made,
                                        absl::Status& status);

  const CreateTools tools_;
  const std::shared_ptr<Placements> placements_;
  Mutex mu_;
  // By public id.
  std::unordered_map<std::string, std::vector<Waiting>> waiting_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_RECREATOR_H_
