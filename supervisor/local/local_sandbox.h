#ifndef WARREN_SUPERVISOR_LOCAL_LOCAL_SANDBOX_H_
#define WARREN_SUPERVISOR_LOCAL_LOCAL_SANDBOX_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/execution_operation.h"
#include "supervisor/session/file_status.h"
#include "supervisor/session/file_user.h"
#include "supervisor/session/request_ids.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_table.h"
#include "supervisor/session/script.h"

namespace warren {

class LocalBackend;

// A leased sandbox as the doors see it. Made once for each lease and shared by all who open it, so
// that a cell costs no handle of its own. Thread-safe; the backend outlives it.
class LocalSandbox final : public SandboxHandle, public std::enable_shared_from_this<LocalSandbox> {
 public:
  LocalSandbox(LocalBackend& backend, std::shared_ptr<Sandbox> sandbox)
      : backend_(backend), sandbox_(std::move(sandbox)) {}

  const std::string& id() const override { return sandbox_->identity().id; }

  void Get(const Call& call, Reply<warren::v1::Sandbox> reply) override;
  void SetLifetime(const Call& call, const warren::v1::SetSandboxLifetimeRequest& request,
                   Reply<warren::v1::Sandbox> reply) override;
  void Destroy(const Call& call, Reply<warren::v1::DestroySandboxResponse> reply) override;
  void Pause(const Call& call, Reply<warren::v1::Sandbox> reply) override;
  void Unpause(const Call& call, const warren::v1::ResumeSandboxRequest& request,
               Reply<warren::v1::Sandbox> reply) override;
  void ChangeLimits(const Call& call, const warren::v1::ChangeSandboxLimitsRequest& request,
                    Reply<warren::v1::Sandbox> reply) override;
  void SetNetwork(const Call& call, const warren::v1::SetSandboxNetworkRequest& request,
                  Reply<warren::v1::Sandbox> reply) override;
  std::unique_ptr<Operation> WatchNetwork(const Call& call,
                                          std::shared_ptr<NetworkSink> sink) override;
  void ConnectPort(const Call& call, uint32_t port,
                   Reply<std::unique_ptr<PortConnection>> reply) override;
  void GetMetrics(const Call& call, Reply<warren::v1::SandboxMetrics> reply) override;
  void GetEnvironment(const Call& call, Reply<warren::v1::Environment> reply) override;
  std::unique_ptr<Operation> Install(const Call& call, warren::v1::InstallPackageRequest request,
                                     std::shared_ptr<InstallSink> sink) override;
  void CreateContext(const Call& call, const warren::v1::CreateContextRequest& request,
                     Reply<warren::v1::Context> reply) override;
  void ListContexts(const Call& call, Reply<warren::v1::ListContextsResponse> reply) override;
  void DeleteContext(const Call& call, const std::string& context_id,
                     Reply<warren::v1::DeleteContextResponse> reply) override;
  void RestartContext(const Call& call, const std::string& context_id,
                      Reply<warren::v1::Context> reply) override;
  std::unique_ptr<Operation> Execute(const Call& call, warren::v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  std::unique_ptr<Operation> RunScript(const Call& call, warren::v1::RunScriptRequest request,
                                       std::shared_ptr<ExecutionSink> sink) override;
  std::unique_ptr<Operation> Connect(const Call& call,
                                     const warren::v1::ConnectExecutionRequest& request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  void Interrupt(const Call& call, const std::string& context_id,
                 Reply<warren::v1::InterruptExecutionResponse> reply) override;

  std::unique_ptr<Operation> StartProcess(const Call& call, warren::v1::StartProcessRequest request,
                                          std::shared_ptr<ProcessSink> sink) override;
  std::unique_ptr<Operation> ConnectProcess(const Call& call,
                                            const warren::v1::ConnectProcessRequest& request,
                                            std::shared_ptr<ProcessSink> sink) override;
  void WriteInput(const Call& call, warren::v1::WriteProcessInputRequest request,
                  Reply<warren::v1::WriteProcessInputResponse> reply) override;
  void ResizeTerminal(const Call& call, const warren::v1::ResizeTerminalRequest& request,
                      Reply<warren::v1::ResizeTerminalResponse> reply) override;
  void SignalProcess(const Call& call, const warren::v1::SignalProcessRequest& request,
                     Reply<warren::v1::SignalProcessResponse> reply) override;
  void ListProcesses(const Call& call, Reply<warren::v1::ListProcessesResponse> reply) override;

  std::unique_ptr<Operation> ReadFile(const Call& call, const warren::v1::ReadFileRequest& request,
                                      std::shared_ptr<ReadSink> sink) override;
  std::unique_ptr<Upload> WriteFile(const Call& call,
                                    const warren::v1::WriteFileRequest::Header& header,
                                    absl::AnyInvocable<void()> on_room,
                                    Reply<warren::v1::WriteFileResponse> reply) override;
  void StatFile(const Call& call, const warren::v1::StatFileRequest& request,
                Reply<warren::v1::FileEntry> reply) override;
  std::unique_ptr<Operation> ListDirectory(
      const Call& call, const warren::v1::ListDirectoryRequest& request,
      std::shared_ptr<Sink<warren::v1::FileEntry>> sink) override;
  void MakeDirectory(const Call& call, const warren::v1::MakeDirectoryRequest& request,
                     Reply<warren::v1::FileEntry> reply) override;
  void MoveFile(const Call& call, const warren::v1::MoveFileRequest& request,
                Reply<warren::v1::FileEntry> reply) override;
  void RemoveFile(const Call& call, const warren::v1::RemoveFileRequest& request,
                  Reply<warren::v1::RemoveFileResponse> reply) override;
  std::unique_ptr<Operation> WatchDirectory(
      const Call& call, const warren::v1::WatchDirectoryRequest& request,
      std::shared_ptr<Sink<warren::v1::FileEvent>> sink) override;

 private:
  // As whom a call for files is made that was validated.
  absl::StatusOr<FileUser> AdmitFileCall(const absl::Status& valid, const std::string& user) const;
  template <class Stream, class Event>
  std::unique_ptr<Operation> StreamFiles(const absl::StatusOr<FileUser>& user, FileSubject subject,
                                         internal::FileCall call,
                                         std::shared_ptr<Sink<Event>> sink);
  // NOT_FOUND when it is not on record any more.
  absl::StatusOr<LeaseRef> FindLease() const;
  // FAILED_PRECONDITION when it is dead.
  absl::Status CheckAlive() const;
  absl::StatusOr<std::shared_ptr<Context>> FindContext(const std::string& context_id) const;

  absl::Status Explain(absl::Status refused) const;
  // An execution with a request id: it is begun, or the earlier one is gone on with.
  std::unique_ptr<Operation> ExecuteOnce(warren::v1::ExecuteCodeRequest request,
                                         std::shared_ptr<ExecutionSink> sink);
  // Its executions, for their clients.
  ExecutionDesk Desk() const;
  // Takes it into use. NOT_FOUND, or FAILED_PRECONDITION when it is dead or paused.
  absl::Status CheckUsable() const;
  // What runs a request that is valid.
  absl::StatusOr<Script::Spec> AdmitScript(warren::v1::RunScriptRequest request) const;
  absl::Status CheckLanguage(const std::string& language) const;
  void MakeContext(const warren::v1::CreateContextRequest& request,
                   Reply<warren::v1::Context> reply);
  // `start(context_id, zygote_id, ready)` with a zygote that the pool lends.
  template <class Start>
  void StartOnLent(std::string context_id, Start start, Reply<warren::v1::Context> reply);

  LocalBackend& backend_;
  const std::shared_ptr<Sandbox> sandbox_;
  ContextRequests context_requests_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_LOCAL_SANDBOX_H_
