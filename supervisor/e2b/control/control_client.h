#ifndef WARREN_SUPERVISOR_E2B_CONTROL_CONTROL_CLIENT_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_CONTROL_CLIENT_H_

#include <memory>
#include <string>

#include "nlohmann/json.hpp"
#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/control/cloud_lives.h"
#include "supervisor/e2b/control/create_call.h"
#include "supervisor/e2b/control/warm_sandboxes.h"

namespace warren {

// The control plane of E2B's cloud: sandboxes as a whole. Replies come on the loop's thread, or in
// place; requests are validated. Thread-safe.
class ControlClient : public std::enable_shared_from_this<ControlClient> {
 public:
  // The meter outlives the loop.
  ControlClient(std::shared_ptr<Cloud> cloud, UsageMeter& meter)
      : cloud_(std::move(cloud)),
        lives_(std::make_shared<CloudLives>(cloud_, meter)),
        warm_(std::make_shared<WarmSandboxes>(cloud_, lives_)) {}

  const std::shared_ptr<Cloud>& cloud() const { return cloud_; }
  WarmSandboxes& warm() { return *warm_; }

  std::unique_ptr<Operation> Create(const Call& call, v1::CreateSandboxRequest request,
                                    Reply<v1::Sandbox> reply);
  // NOT_FOUND also for what is another tenant's, or no Warren's.
  void Open(const Principal& who, const std::string& sandbox_id, Reply<CloudSandboxRef> reply);
  void List(const Call& call, v1::ListSandboxesRequest request,
            Reply<v1::ListSandboxesResponse> reply);
  void Probe(const Call& call, Reply<ProbeAnswer> reply);
  // What runs in the account by this server's hand, so that it is counted. When it starts.
  void CountRunning();

  void Get(CloudSandboxRef sandbox, Reply<v1::Sandbox> reply);
  void SetLifetime(CloudSandboxRef sandbox, v1::SetSandboxLifetimeRequest request,
                   Reply<v1::Sandbox> reply);
  void Destroy(CloudSandboxRef sandbox, Reply<v1::DestroySandboxResponse> reply);
  void Pause(CloudSandboxRef sandbox, Reply<v1::Sandbox> reply);
  void Unpause(CloudSandboxRef sandbox, const v1::ResumeSandboxRequest& request,
               Reply<v1::Sandbox> reply);
  void SetNetwork(CloudSandboxRef sandbox, v1::SetSandboxNetworkRequest request,
                  Reply<v1::Sandbox> reply);
  void GetMetrics(CloudSandboxRef sandbox, Reply<v1::SandboxMetrics> reply);

 private:
  // Asks for `json` of a request; a status that is no success is told, a 404 as what it means of a
  // sandbox. On the loop's thread.
  using OnJson = absl::AnyInvocable<void(absl::StatusOr<nlohmann::json>)>;
  void AskJson(HttpRequest request, HttpAgain again, OnJson on_json);
  // The same about one sandbox: a 404 forgets it, of a call below its path where the cloud says so
  // of the sandbox too.
  void AskAbout(const CloudSandboxRef& sandbox, absl::string_view method, absl::string_view what,
                const nlohmann::json& body, HttpAgain again, OnJson on_json);
  // A call about it was answered by a 404: NOT_FOUND where it is gone, FAILED_PRECONDITION where it
  // is paused, UNIMPLEMENTED where it runs.
  void ExplainNotFound(const CloudSandboxRef& sandbox, absl::AnyInvocable<void(absl::Status)> told);
  // What was so when the cloud was asked about a sandbox; and whether it has been destroyed since,
  // or does not run any more, so that the answer tells of what was.
  struct Asked {
    bool known = false;
    bool runs = false;
  };
  Asked AskedNow(const CloudSandboxRef& sandbox) const;
  bool GoneSince(const CloudSandboxRef& sandbox, const Asked& asked) const;
  bool OverSince(const CloudSandboxRef& sandbox, const Asked& asked) const;
  // A page of CountRunning's.
  struct Count {
    std::string page_token;
    int pages = 0;
    int failures = 0;
  };
  void CountPage(Count count);
  void CountAgain(Count count, const absl::Status& why);
  void GiveWarm(CloudSandboxRef ready, const v1::CreateSandboxRequest& request, CreateCall& create);
  void Note(const CloudSandboxRef& sandbox, const nlohmann::json& json, v1::Sandbox told);
  void Gone(const CloudSandboxRef& sandbox);

  const std::shared_ptr<Cloud> cloud_;
  const std::shared_ptr<CloudLives> lives_;
  const std::shared_ptr<WarmSandboxes> warm_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_CONTROL_CLIENT_H_
