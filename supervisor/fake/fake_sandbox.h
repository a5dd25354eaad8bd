#ifndef WARREN_SUPERVISOR_FAKE_FAKE_SANDBOX_H_
#define WARREN_SUPERVISOR_FAKE_FAKE_SANDBOX_H_

#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/fake/fake_context.h"
#include "supervisor/fake/fake_network.h"
#include "supervisor/fake/fake_packages.h"

namespace warren {

// A sandbox of the fake backend, and its own handle. Thread-safe.
class FakeSandbox final : public SandboxHandle {
 public:
  static constexpr char kDefaultContext[] = "default";
  static constexpr size_t kMaxContexts = 8;

  // The request is valid.
  FakeSandbox(std::string id, std::string tenant, const v1::CreateSandboxRequest& request,
              std::shared_ptr<FakePackages> packages);

  // Whose it is.
  const std::string& tenant() const { return tenant_; }
  v1::Sandbox description() const;
  // Destroyed, or its lifetime is over.
  bool gone() const;
  // Cells that wait for their readers.
  int paused_cells() const;
  void Kill();
  // Tells who watches its network. Who is held up misses it.
  void TellNetwork(const v1::NetworkEvent& event) { network_->Tell(event); }
  size_t network_watchers() const { return network_->watchers(); }

  const std::string& id() const override { return id_; }
  void Get(const Call& call, Reply<v1::Sandbox> reply) override;
  void SetLifetime(const Call& call, const v1::SetSandboxLifetimeRequest& request,
                   Reply<v1::Sandbox> reply) override;
  void Destroy(const Call& call, Reply<v1::DestroySandboxResponse> reply) override;
  void Pause(const Call& call, Reply<v1::Sandbox> reply) override;
  void Unpause(const Call& call, const v1::ResumeSandboxRequest& request,
               Reply<v1::Sandbox> reply) override;
  void ChangeLimits(const Call& call, const v1::ChangeSandboxLimitsRequest& request,
                    Reply<v1::Sandbox> reply) override;
  void GetMetrics(const Call& call, Reply<v1::SandboxMetrics> reply) override;
  void GetEnvironment(const Call& call, Reply<v1::Environment> reply) override;
  std::unique_ptr<Operation> Install(const Call& call, v1::InstallPackageRequest request,
                                     std::shared_ptr<InstallSink> sink) override;
  // The policy is kept and told as it came; a preset has no rules here.
  void SetNetwork(const Call& call, const v1::SetSandboxNetworkRequest& request,
                  Reply<v1::Sandbox> reply) override;
  std::unique_ptr<Operation> WatchNetwork(const Call& call,
                                          std::shared_ptr<NetworkSink> sink) override;
  void CreateContext(const Call& call, const v1::CreateContextRequest& request,
                     Reply<v1::Context> reply) override;
  void ListContexts(const Call& call, Reply<v1::ListContextsResponse> reply) override;
  void DeleteContext(const Call& call, const std::string& context_id,
                     Reply<v1::DeleteContextResponse> reply) override;
  void RestartContext(const Call& call, const std::string& context_id,
                      Reply<v1::Context> reply) override;
  std::unique_ptr<Operation> Execute(const Call& call, v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  // Its source is a cell's, and it has no files to be run.
  std::unique_ptr<Operation> RunScript(const Call& call, v1::RunScriptRequest request,
                                       std::shared_ptr<ExecutionSink> sink) override;
  std::unique_ptr<Operation> Connect(const Call& call,
                                     const warren::v1::ConnectExecutionRequest& request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  void Interrupt(const Call& call, const std::string& context_id,
                 Reply<v1::InterruptExecutionResponse> reply) override;

 private:
  // A valid request; `process_id` is empty for a cell.
  std::unique_ptr<Operation> RunCell(v1::ExecuteCodeRequest request, FakeContext& context,
                                     std::string process_id, std::shared_ptr<ExecutionSink> sink);
  // One that was asked for with this request's id, or null; `status` where it was another request.
  std::shared_ptr<FakeCell> FindRequest(const v1::ExecuteCodeRequest& request,
                                        absl::Status& status);
  bool GoneLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // NOT_FOUND; FAILED_PRECONDITION where it is paused.
  absl::Status UsableLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // From now on.
  void SetLifetimeLocked(absl::Duration lifetime) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // NOT_FOUND: the sandbox or the context; empty for the default one.
  absl::StatusOr<std::shared_ptr<FakeContext>> FindContext(const std::string& context_id);

  const std::string id_;
  const std::string tenant_;
  const std::shared_ptr<FakeNetwork> network_;
  // Of all sandboxes.
  const std::shared_ptr<FakePackages> packages_;
  mutable Mutex mu_;
  v1::Sandbox description_ ABSL_GUARDED_BY(mu_);
  absl::Time expires_at_ ABSL_GUARDED_BY(mu_);
  // While it is paused: what is left of its lifetime.
  absl::Duration left_ ABSL_GUARDED_BY(mu_);
  bool destroyed_ ABSL_GUARDED_BY(mu_) = false;
  int last_context_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, std::shared_ptr<FakeContext>> contexts_ ABSL_GUARDED_BY(mu_);
  // A context of its own for each.
  std::list<std::shared_ptr<FakeContext>> scripts_ ABSL_GUARDED_BY(mu_);
  int64_t last_cell_ ABSL_GUARDED_BY(mu_) = 0;
  // Those that a client may connect to.
  std::list<std::shared_ptr<FakeCell>> cells_ ABSL_GUARDED_BY(mu_);
};

// What of an id that there is not any more, or never was.
absl::Status NoSuchFakeSandbox();
v1::Environment FakeEnvironment(const std::string& template_id);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAKE_FAKE_SANDBOX_H_
