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
  void Unpause(const Call& call, const v1::ResumeSandboxRequest& what,
               Reply<v1::Sandbox> reply) override;
  void ChangeLimits(const Call& call, const v1::ChangeSandboxLimitsRequest& what,
                    Reply<v1::Sandbox> reply) override;
  void GetMetrics(const Call& call, Reply<v1::SandboxMetrics> reply) override;
  void GetEnvironment(const Call& call, Reply<v1::Environment> reply) override;
  std::unique_ptr<Operation> Install(const Call& call, v1::InstallPackageRequest request,
                                     std::shared_ptr<InstallSink> sink) override;
  void SetNetwork(const Call& call, const v1::SetSandboxNetworkRequest& what,
                  Reply<v1::Sandbox> reply) override;
  // From when the other one has got the request: soon after it has returned.
  std::unique_ptr<Operation> WatchNetwork(const Call& call,
                                          std::shared_ptr<NetworkSink> sink) override;
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
  std::unique_ptr<Operation> Connect(const Call& call, const v1::ConnectExecutionRequest& what,
                                     std::shared_ptr<ExecutionSink> sink) override;

  std::unique_ptr<Operation> StartProcess(const Call& call, v1::StartProcessRequest request,
                                          std::shared_ptr<ProcessSink> sink) override;
  std::unique_ptr<Operation> ConnectProcess(const Call& call, const v1::ConnectProcessRequest& what,
                                            std::shared_ptr<ProcessSink> sink) override;
  void WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                  Reply<v1::WriteProcessInputResponse> reply) override;
  void ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& what,
                      Reply<v1::ResizeTerminalResponse> reply) override;
  void SignalProcess(const Call& call, const v1::SignalProcessRequest& what,
                     Reply<v1::SignalProcessResponse> reply) override;
  void ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) override;

  std::unique_ptr<Operation> ReadFile(const Call& call, const v1::ReadFileRequest& what,
                                      std::shared_ptr<ReadSink> sink) override;
  std::unique_ptr<Upload> WriteFile(const Call& call, const v1::WriteFileRequest::Header& what,
                                    absl::AnyInvocable<void()> on_room,
                                    Reply<v1::WriteFileResponse> reply) override;
  void StatFile(const Call& call, const v1::StatFileRequest& what,
                Reply<v1::FileEntry> reply) override;
  std::unique_ptr<Operation> ListDirectory(const Call& call, const v1::ListDirectoryRequest& what,
                                           std::shared_ptr<Sink<v1::FileEntry>> sink) override;
  void MakeDirectory(const Call& call, const v1::MakeDirectoryRequest& what,
                     Reply<v1::FileEntry> reply) override;
  void MoveFile(const Call& call, const v1::MoveFileRequest& what,
                Reply<v1::FileEntry> reply) override;
  void RemoveFile(const Call& call, const v1::RemoveFileRequest& what,
                  Reply<v1::RemoveFileResponse> reply) override;
  std::unique_ptr<Operation> WatchDirectory(const Call& call, const v1::WatchDirectoryRequest& what,
                                            std::shared_ptr<Sink<v1::FileEvent>> sink) override;

 private:
  const std::shared_ptr<const RemoteStubs> stubs_;
  const std::string id_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_SANDBOX_H_
