#ifndef WARREN_SUPERVISOR_E2B_E2B_SANDBOX_H_
#define WARREN_SUPERVISOR_E2B_E2B_SANDBOX_H_

#include <memory>
#include <string>
#include <utility>

#include "supervisor/backend/backend.h"
#include "supervisor/e2b/control/control_client.h"
#include "supervisor/e2b/envd/envd_client.h"
#include "supervisor/e2b/interpreter/interpreter_client.h"

namespace warren {

// A sandbox of E2B's cloud: each call goes to the part of it that serves it. What it does not
// override the cloud cannot do. Thread-safe.
class E2bSandbox final : public SandboxHandle, public std::enable_shared_from_this<E2bSandbox> {
 public:
  E2bSandbox(std::shared_ptr<ControlClient> control, CloudSandboxRef sandbox)
      : control_(std::move(control)),
        sandbox_(std::move(sandbox)),
        envd_(control_->cloud(), sandbox_),
        interpreter_(control_->cloud(), sandbox_) {}

  const std::string& id() const override { return sandbox_->id; }

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
  void SetNetwork(const Call& call, const v1::SetSandboxNetworkRequest& request,
                  Reply<v1::Sandbox> reply) override;
  std::unique_ptr<Operation> WatchNetwork(const Call& call,
                                          std::shared_ptr<NetworkSink> sink) override;
  void ConnectPort(const Call& call, uint32_t port,
                   Reply<std::unique_ptr<PortConnection>> reply) override;

  void CreateContext(const Call& call, const v1::CreateContextRequest& request,
                     Reply<v1::Context> reply) override;
  void ListContexts(const Call& call, Reply<v1::ListContextsResponse> reply) override;
  void DeleteContext(const Call& call, const std::string& context_id,
                     Reply<v1::DeleteContextResponse> reply) override;
  void RestartContext(const Call& call, const std::string& context_id,
                      Reply<v1::Context> reply) override;
  std::unique_ptr<Operation> Execute(const Call& call, v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  std::unique_ptr<Operation> Connect(const Call& call, const v1::ConnectExecutionRequest& request,
                                     std::shared_ptr<ExecutionSink> sink) override;
  void Interrupt(const Call& call, const std::string& context_id,
                 Reply<v1::InterruptExecutionResponse> reply) override;
  std::unique_ptr<Operation> RunScript(const Call& call, v1::RunScriptRequest request,
                                       std::shared_ptr<ExecutionSink> sink) override;
  std::unique_ptr<Operation> Install(const Call& call, v1::InstallPackageRequest request,
                                     std::shared_ptr<InstallSink> sink) override;

  std::unique_ptr<Operation> StartProcess(const Call& call, v1::StartProcessRequest request,
                                          std::shared_ptr<ProcessSink> sink) override;
  std::unique_ptr<Operation> ConnectProcess(const Call& call,
                                            const v1::ConnectProcessRequest& request,
                                            std::shared_ptr<ProcessSink> sink) override;
  void WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                  Reply<v1::WriteProcessInputResponse> reply) override;
  void ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& request,
                      Reply<v1::ResizeTerminalResponse> reply) override;
  void SignalProcess(const Call& call, const v1::SignalProcessRequest& request,
                     Reply<v1::SignalProcessResponse> reply) override;
  void ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) override;

  std::unique_ptr<Operation> ReadFile(const Call& call, const v1::ReadFileRequest& request,
                                      std::shared_ptr<ReadSink> sink) override;
  std::unique_ptr<Upload> WriteFile(const Call& call, const v1::WriteFileRequest::Header& header,
                                    absl::AnyInvocable<void()> on_room,
                                    Reply<v1::WriteFileResponse> reply) override;
  void StatFile(const Call& call, const v1::StatFileRequest& request,
                Reply<v1::FileEntry> reply) override;
  std::unique_ptr<Operation> ListDirectory(const Call& call,
                                           const v1::ListDirectoryRequest& request,
                                           std::shared_ptr<Sink<v1::FileEntry>> sink) override;
  void MakeDirectory(const Call& call, const v1::MakeDirectoryRequest& request,
                     Reply<v1::FileEntry> reply) override;
  void MoveFile(const Call& call, const v1::MoveFileRequest& request,
                Reply<v1::FileEntry> reply) override;
  void RemoveFile(const Call& call, const v1::RemoveFileRequest& request,
                  Reply<v1::RemoveFileResponse> reply) override;
  std::unique_ptr<Operation> WatchDirectory(const Call& call,
                                            const v1::WatchDirectoryRequest& request,
                                            std::shared_ptr<Sink<v1::FileEvent>> sink) override;

 private:
  ExecutionDesk Desk() const;

  const std::shared_ptr<ControlClient> control_;
  const CloudSandboxRef sandbox_;
  const EnvdClient envd_;
  const InterpreterClient interpreter_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_E2B_SANDBOX_H_
