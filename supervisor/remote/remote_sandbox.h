#ifndef WARREN_SUPERVISOR_REMOTE_REMOTE_SANDBOX_H_
#define WARREN_SUPERVISOR_REMOTE_REMOTE_SANDBOX_H_

#include <memory>
#include <string>
#include <utility>

#include "supervisor/backend/backend.h"
#include "supervisor/remote/stubs.h"

namespace warren {

// A sandbox of another Warren, which may be there or not. To leave an execution and to connect to
// it again there is no RPC yet: what it does not override is UNIMPLEMENTED. Thread-safe.
class RemoteSandbox final : public SandboxHandle {
 public:
  RemoteSandbox(std::shared_ptr<const RemoteStubs> stubs, std::string id)
      : stubs_(std::move(stubs)), id_(std::move(id)) {}

  const std::string& id() const override { return id_; }
  void Get(const Call& call, Reply<v1::Sandbox> reply) override;
  void SetLifetime(const Call& call, const v1::SetSandboxLifetimeRequest& what,
                   Reply<v1::Sandbox> reply) override;
  void Destroy(const Call& call, Reply<v1::DestroySandboxResponse> reply) override;
  void Pause(const Call& call, Reply<v1::Sandbox> reply) override;
  void Unpause(const Call& call, Reply<v1::Sandbox> reply) override;
  void GetEnvironment(const Call& call, Reply<v1::Environment> reply) override;
  void Install(const Call& call, const v1::InstallPackageRequest& what,
               Reply<v1::InstallPackageResponse> reply) override;
  void CreateContext(const Call& call, const v1::CreateContextRequest& what,
                     Reply<v1::Context> reply) override;
  void ListContexts(const Call& call, Reply<v1::ListContextsResponse> reply) override;
  void DeleteContext(const Call& call, const std::string& context_id,
                     Reply<v1::DeleteContextResponse> reply) override;
  void RestartContext(const Call& call, const std::string& context_id,
                      Reply<v1::Context> reply) override;
  void Interrupt(const Call& call, const std::string& context_id,
                 Reply<v1::InterruptExecutionResponse> reply) override;
  std::unique_ptr<Operation> Execute(const Call& call, v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  std::unique_ptr<Operation> RunScript(const Call& call, v1::RunScriptRequest request,
                                       std::shared_ptr<ExecutionSink> sink) override;

 private:
  const std::shared_ptr<const RemoteStubs> stubs_;
  const std::string id_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_SANDBOX_H_
