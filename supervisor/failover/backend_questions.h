#ifndef WARREN_SUPERVISOR_FAILOVER_BACKEND_QUESTIONS_H_
#define WARREN_SUPERVISOR_FAILOVER_BACKEND_QUESTIONS_H_

#include <memory>
#include <string>
#include <vector>

#include "supervisor/failover/member.h"
#include "supervisor/failover/timers.h"

// What is asked of several members. Replies come on the timers' thread. Not from within a reply.
namespace warren {

// The templates of all `members` that answer, each once. The default is that of the first of
// `route` that answers. UNAVAILABLE where none does.
void AskTemplates(const std::shared_ptr<Timers>& timers,
                  const std::vector<std::shared_ptr<Member>>& members,
                  const std::vector<std::shared_ptr<Member>>& route, const Call& call,
                  Reply<v1::ListTemplatesResponse> reply);

// What the first of `route` that answers says. UNAVAILABLE where none does.
void AskEnvironment(const std::shared_ptr<Timers>& timers,
                    std::vector<std::shared_ptr<Member>> route, const Call& call,
                    const std::string& template_id, Reply<v1::Environment> reply);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_BACKEND_QUESTIONS_H_
