#ifndef WARREN_SUPERVISOR_FAILOVER_MEMBER_TABLE_H_
#define WARREN_SUPERVISOR_FAILOVER_MEMBER_TABLE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/mutex.h"
#include "supervisor/failover/member.h"
#include "supervisor/failover/routes.h"

namespace warren {

// A configuration and its members, as they are at one moment. Const.
struct Members {
  // In the configuration's order, those that are no lists.
  std::vector<std::shared_ptr<Member>> active;
  // The configuration has them no more, but sandboxes live there.
  std::vector<std::shared_ptr<Member>> retired;
  config::Configuration configuration;
  Routes routes{config::Configuration()};

  // The only one that there is; null where there are several.
  Member* alone() const {
    return active.size() == 1 && retired.empty() ? active.front().get() : nullptr;
  }
  std::vector<std::shared_ptr<Member>> all() const;
  std::vector<std::shared_ptr<Member>> Choose(const std::string& tenant,
                                              const std::string& template_id, int draw) const;
};

// The members of the configuration that holds now. Thread-safe.
class MemberTable {
 public:
  std::shared_ptr<const Members> Get() const;

  // Takes the place of what was. A member of the same name, kind and backend stays what it is, with
  // what is known of it; others that were there are retired. `on_new` sees each new one before it
  // gets requests. INVALID_ARGUMENT where a backend of the configuration, which is valid, has no
  // spec; nothing changes then. By one thread at a time.
  absl::Status Configure(const config::Configuration& configuration,
                         const std::vector<MemberSpec>& specs,
                         const std::function<void(const std::shared_ptr<Member>&)>& on_new);
  // False where it is not retired (any more).
  bool DropRetired(const std::shared_ptr<Member>& member);

 private:
  mutable Mutex mu_;
  std::shared_ptr<const Members> members_ ABSL_GUARDED_BY(mu_) = std::make_shared<Members>();
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_MEMBER_TABLE_H_
