#include "supervisor/failover/backend_list.h"

#include <utility>
#include <vector>

#include "supervisor/failover/answered_within.h"
#include "supervisor/failover/ask_patience.h"

namespace warren {
namespace {

v1::BackendStatus DescribeList(const config::Backend& list) {
  v1::BackendStatus status;
  status.set_name(list.name());
  status.set_kind(v1::BackendStatus::FAILOVER);
  *status.mutable_members() = list.failover().backends();
  return status;
}

v1::BackendStatus DescribeMember(const Member& member, const Placements& placements,
                                 MonotonicTime now, Probed probed) {
  v1::BackendStatus status = member.Describe(now, probed);
  status.set_sandboxes(static_cast<int64_t>(placements.CountOn(member)));
  return status;
}

}  // namespace

v1::ListBackendsResponse DescribeBackends(const Members& members, const Placements& placements,
                                          MonotonicTime now, Probed probed) {
  v1::ListBackendsResponse response;
  // Members are in the configuration's order.
  auto member = members.active.begin();
  for (const config::Backend& backend : members.configuration.backends()) {
    *response.add_backends() = backend.has_failover()
                                   ? DescribeList(backend)
                                   : DescribeMember(**member++, placements, now, probed);
  }
  for (const auto& retired : members.retired)
    *response.add_backends() = DescribeMember(*retired, placements, now, probed);
  return response;
}

void ProbeAll(const std::shared_ptr<Timers>& timers, const std::shared_ptr<Prober>& prober,
              const Members& members, Task done) {
  // Its last answer is the answer of all.
  auto answered = std::make_shared<Reply<ProbeAnswer>>(AnsweredWithin<ProbeAnswer>(
      timers, kAskPatience,
      [done = std::move(done)](const absl::StatusOr<ProbeAnswer>&) mutable { done(); }));
  std::vector<std::shared_ptr<Member>> all = members.all();
  auto left = std::make_shared<size_t>(all.size());
  for (const auto& member : all) {
    prober->Ask(member, [answered, left](const absl::Status&) {
      if (--*left == 0) (*answered)(ProbeAnswer());
    });
  }
}

}  // namespace warren
