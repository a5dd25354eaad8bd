#ifndef WARREN_SUPERVISOR_E2B_INTERPRETER_INTERPRETER_CLIENT_H_
#define WARREN_SUPERVISOR_E2B_INTERPRETER_INTERPRETER_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "supervisor/backend/validate_fields.h"
#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/interpreter/cloud_context.h"
#include "supervisor/session/execution_operation.h"

namespace warren {

// Contexts and code of one sandbox of the cloud's: SandboxHandle's calls of these names.
//
// The first Python context that the cloud lists is the default one, and is called "default" here.
// Thread-safe; cheap to copy.
class InterpreterClient {
 public:
  InterpreterClient(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox)
      : cloud_(std::move(cloud)), sandbox_(std::move(sandbox)) {}

  std::unique_ptr<Operation> Execute(v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) const;
  std::unique_ptr<Operation> Connect(const v1::ConnectExecutionRequest& request,
                                     std::shared_ptr<ExecutionSink> sink) const;
  void Interrupt(const std::string& context_id, Reply<v1::InterruptExecutionResponse> reply) const;
  void CreateContext(v1::CreateContextRequest request, Reply<v1::Context> reply) const;
  void ListContexts(Reply<v1::ListContextsResponse> reply) const;
  void DeleteContext(const std::string& context_id, Reply<v1::DeleteContextResponse> reply) const;
  void RestartContext(const std::string& context_id, Reply<v1::Context> reply) const;

 private:
  using Contexts = std::vector<v1::Context>;
  // Null: there are too many. For any thread.
  std::shared_ptr<CloudContext> ContextOf(const std::string& context_id) const;
  ExecutionDesk Desk() const;
  void Make(v1::CreateContextRequest request, Reply<v1::Context> reply) const;
  // For what is run in it.
  void Keep(const std::string& context_id, const StringMap& env) const;
  // With the cloud's own ids. On the loop's thread.
  void List(absl::AnyInvocable<void(absl::StatusOr<Contexts>)> told) const;
  // The same for one of ours. NOT_FOUND.
  void Resolve(const std::string& context_id, Reply<v1::Context> reply) const;
  // By a request to its own path; what runs in it ends before.
  void Change(const std::string& context_id, const char* method, const char* suffix, StopReason why,
              Reply<v1::Context> reply) const;

  std::shared_ptr<Cloud> cloud_;
  CloudSandboxRef sandbox_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_INTERPRETER_INTERPRETER_CLIENT_H_
