#ifndef WARREN_SUPERVISOR_LOCAL_LOCAL_SANDBOX_H_
#define WARREN_SUPERVISOR_LOCAL_LOCAL_SANDBOX_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_table.h"

namespace warren {

class LocalBackend;

// A leased sandbox as the doors see it. Made once for each lease and shared by all who open it, so
// that a cell costs no handle of its own. Thread-safe; the backend outlives it.
class LocalSandbox final : public SandboxHandle {
 public:
  LocalSandbox(LocalBackend& backend, std::shared_ptr<Sandbox> sandbox)
      : backend_(backend), sandbox_(std::move(sandbox)) {}

  const std::string& id() const override { return sandbox_->identity().id; }

  void Get(const Call& call, Reply<warren::v1::Sandbox> reply) override;
  void SetLifetime(const Call& call, const warren::v1::SetSandboxLifetimeRequest& request,
                   Reply<warren::v1::Sandbox> reply) override;
  void Destroy(const Call& call, Reply<warren::v1::DestroySandboxResponse> reply) override;
  void GetEnvironment(const Call& call, Reply<warren::v1::Environment> reply) override;
  void ListContexts(const Call& call, Reply<warren::v1::ListContextsResponse> reply) override;
  std::unique_ptr<Operation> Execute(const Call& call, warren::v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  std::unique_ptr<Operation> Connect(const Call& call, const std::string& execution_id,
                                     int64_t after_sequence,
                                     std::shared_ptr<ExecutionSink> sink) override;
  void Interrupt(const Call& call, const std::string& context_id,
                 Reply<warren::v1::InterruptExecutionResponse> reply) override;

 private:
  // NOT_FOUND when it is not on record any more.
  absl::StatusOr<LeaseRef> FindLease() const;
  absl::StatusOr<std::shared_ptr<Context>> FindContext(const std::string& context_id) const;

  LocalBackend& backend_;
  const std::shared_ptr<Sandbox> sandbox_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_LOCAL_SANDBOX_H_
