#include "supervisor/failover/open_placement.h"

#include <utility>

#include "supervisor/failover/renamed_sandbox.h"

namespace warren {

void OpenPlacement(const std::shared_ptr<Placements>& placements, const Call& call,
                   const std::string& id, const Placement& placement,
                   Reply<std::shared_ptr<SandboxHandle>> reply) {
  Backend& backend = placement.member->backend();
  if (placement.recreate == nullptr) return backend.Open(call, id, std::move(reply));
  RenamedSandbox::Name name;
  name.id = id;
  name.backend = placement.member->name();
  name.recreations = placement.recreations;
  // A handle may be left from before it was made anew: that one's end is not this one's.
  name.on_gone = [placements, member = placement.member, inner_id = placement.inner_id] {
    placements->ForgetInner(*member, inner_id);
  };
  backend.Open(call, placement.inner_id,
               [name = std::move(name), reply = std::move(reply)](
                   absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) mutable {
                 if (!handle.ok()) return reply(std::move(handle));
                 reply(std::make_shared<RenamedSandbox>(*std::move(handle), std::move(name)));
               });
}

}  // namespace warren
