#ifndef WARREN_SUPERVISOR_FAILOVER_FAILOVER_BACKEND_H_
#define WARREN_SUPERVISOR_FAILOVER_FAILOVER_BACKEND_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/failover/create_attempts.h"
#include "supervisor/failover/member_table.h"
#include "supervisor/failover/placements.h"
#include "supervisor/failover/recreator.h"
#include "supervisor/failover/unknown_ids.h"

namespace warren {

// The backends of a configuration as one: a create goes to the first of its route's that can, and a
// sandbox is found where it lives. Of one backend alone it says what that one says.
//
// A sandbox whose backend is lost is UNAVAILABLE until that one is back; it is made anew elsewhere
// only where its create said so. Its handle is its backend's own: a cell goes no further way.
//
// A server's restart forgets what backends do not know: which sandboxes are to be made anew, and
// the ids of those that were.
//
// Thread-safe. Lifecycle: constructor → OnForgotten → Configure → requests, and Configure again →
// destruction, after which late answers of members still come to nothing.
class FailoverBackend final : public Backend {
 public:
  struct Options {
    std::shared_ptr<Timers> timers;
    // How much slower than the reference machine this one is.
    double pace = 1;
    // Which share of a route a create goes to, within [0, Routes::kDraws); null: at random.
    std::function<int()> draw;
  };

  explicit FailoverBackend(Options options);

  // The configuration, which is valid, and its members that are no lists; takes the place of what
  // was. No sandbox ends: members that it has not any more are retired, and go when the last of
  // their sandboxes has. A member of the same name, kind and backend stays, with its circuit. By
  // one thread at a time. INVALID_ARGUMENT: a member is missing; nothing changes.
  absl::Status Configure(const config::Configuration& configuration,
                         const std::vector<MemberSpec>& members);

  // OK while any member gets creates.
  absl::Status health() const override;
  void ListBackends(const Call& call, const v1::ListBackendsRequest& request,
                    Reply<v1::ListBackendsResponse> reply) override;
  void OnForgotten(std::function<void(const std::string&)> on_forgotten) override;
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;
  std::unique_ptr<Operation> Prefetch(const Call& call, v1::PrefetchPackagesRequest request,
                                      std::shared_ptr<InstallSink> sink) override;
  void ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) override;
  void PrunePackages(const Call& call, const v1::PruneStoredPackagesRequest& request,
                     Reply<v1::PruneStoredPackagesResponse> reply) override;
  void VerifyPackages(const Call& call, Reply<v1::VerifyStoredPackagesResponse> reply) override;

 private:
  // Whom to tell.
  struct Forgetting {
    Mutex mu;
    std::function<void(const std::string&)> tell ABSL_GUARDED_BY(mu);
  };

  std::shared_ptr<Prober> MakeProber(double pace) const;
  void ListenTo(const std::shared_ptr<Member>& member);
  void OpenPlaced(const Call& call, const std::string& id,
                  const std::shared_ptr<const Placement>& placement,
                  Reply<std::shared_ptr<SandboxHandle>> reply);
  void Search(const Members& members, const Call& call, const std::string& id,
              Reply<std::shared_ptr<SandboxHandle>> reply);
  // The first that has a store of packages; null where none has.
  std::shared_ptr<Member> PackageMember() const;

  const std::shared_ptr<Timers> timers_;
  const std::function<int()> draw_;
  const std::shared_ptr<MemberTable> table_ = std::make_shared<MemberTable>();
  const std::shared_ptr<Placements> placements_ = std::make_shared<Placements>();
  const std::shared_ptr<UnknownIds> unknown_ = std::make_shared<UnknownIds>();
  const std::shared_ptr<Forgetting> forgetting_ = std::make_shared<Forgetting>();
  const std::shared_ptr<LostSandboxes> lost_;
  const std::shared_ptr<Prober> prober_;
  const CreateTools tools_;
  const std::shared_ptr<Recreator> recreator_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_FAILOVER_BACKEND_H_
