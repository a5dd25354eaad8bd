#ifndef WARREN_SUPERVISOR_FAILOVER_RENAMED_SANDBOX_H_
#define WARREN_SUPERVISOR_FAILOVER_RENAMED_SANDBOX_H_

#include <functional>
#include <memory>
#include <string>

#include "supervisor/backend/backend.h"

namespace warren {

// The handle of a sandbox that is made anew when its backend is lost: its backend's own, but for
// the id that its clients know, and that whoever keeps what it would be made from hears when it is
// gone. Thread-safe as the handle is.
class RenamedSandbox final : public SandboxHandle {
 public:
  // What its clients are told.
  struct Name {
    std::string id;
    std::string backend;
    int recreations = 0;
    // It is destroyed, or its backend says that there is no such sandbox. From within a reply.
    std::function<void()> on_gone;
  };

  RenamedSandbox(std::shared_ptr<SandboxHandle> inner, Name name)
      : inner_(std::move(inner)), name_(std::make_shared<const Name>(std::move(name))) {}

  const std::string& id() const override { return name_->id; }

  void Get(const Call& call, Reply<v1::Sandbox> reply) override;
  void SetLifetime(const Call& call, const v1::SetSandboxLifetimeRequest& request,
                   Reply<v1::Sandbox> reply) override;
  void Destroy(const Call& call, Reply<v1::DestroySandboxResponse> reply) override;
  void Pause(const Call& call, Reply<v1::Sandbox> reply) override;
  void Unpause(const Call& call, const v1::ResumeSandboxRequest& request,
               Reply<v1::Sandbox> reply) override;
  void ChangeLimits(const Call& call, const v1::ChangeSandboxLimitsRequest& request,
                    Reply<v1::Sandbox> reply) override;
  void SetNetwork(const Call& call, const v1::SetSandboxNetworkRequest& request,
                  Reply<v1::Sandbox> reply) override;
  void CreateContext(const Call& call, const v1::CreateContextRequest& request,
                     Reply<v1::Context> reply) override;
  void ListContexts(const Call& call, Reply<v1::ListContextsResponse> reply) override;
  void RestartContext(const Call& call, const std::string& context_id,
                      Reply<v1::Context> reply) override;

  // ---- As they are
  void GetMetrics(const Call& call, Reply<v1::SandboxMetrics> reply) override {
    inner_->GetMetrics(call, std::move(reply));
  }
  void GetEnvironment(const Call& call, Reply<v1::Environment> reply) override {
    inner_->GetEnvironment(call, std::move(reply));
  }
  std::unique_ptr<Operation> Install(const Call& call, v1::InstallPackageRequest request,
                                     std::shared_ptr<InstallSink> sink) override {
    return inner_->Install(call, std::move(request), std::move(sink));
  }
  std::unique_ptr<Operation> WatchNetwork(const Call& call,
                                          std::shared_ptr<NetworkSink> sink) override {
    return inner_->WatchNetwork(call, std::move(sink));
  }
  void ConnectPort(const Call& call, uint32_t port,
                   Reply<std::unique_ptr<PortConnection>> reply) override {
    inner_->ConnectPort(call, port, std::move(reply));
  }
  void DeleteContext(const Call& call, const std::string& context_id,
                     Reply<v1::DeleteContextResponse> reply) override {
    inner_->DeleteContext(call, context_id, std::move(reply));
  }
  std::unique_ptr<Operation> Execute(const Call& call, v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override {
    return inner_->Execute(call, std::move(request), std::move(sink));
  }
  std::unique_ptr<Operation> RunScript(const Call& call, v1::RunScriptRequest request,
                                       std::shared_ptr<ExecutionSink> sink) override {
    return inner_->RunScript(call, std::move(request), std::move(sink));
  }
  std::unique_ptr<Operation> Connect(const Call& call, const v1::ConnectExecutionRequest& request,
                                     std::shared_ptr<ExecutionSink> sink) override {
    return inner_->Connect(call, request, std::move(sink));
  }
  void Interrupt(const Call& call, const std::string& context_id,
                 Reply<v1::InterruptExecutionResponse> reply) override {
    inner_->Interrupt(call, context_id, std::move(reply));
  }
  std::unique_ptr<Operation> StartProcess(const Call& call, v1::StartProcessRequest request,
                                          std::shared_ptr<ProcessSink> sink) override {
    return inner_->StartProcess(call, std::move(request), std::move(sink));
  }
  std::unique_ptr<Operation> ConnectProcess(const Call& call,
                                            const v1::ConnectProcessRequest& request,
                                            std::shared_ptr<ProcessSink> sink) override {
    return inner_->ConnectProcess(call, request, std::move(sink));
  }
  void WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                  Reply<v1::WriteProcessInputResponse> reply) override {
    inner_->WriteInput(call, std::move(request), std::move(reply));
  }
  void ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& request,
                      Reply<v1::ResizeTerminalResponse> reply) override {
    inner_->ResizeTerminal(call, request, std::move(reply));
  }
  void SignalProcess(const Call& call, const v1::SignalProcessRequest& request,
                     Reply<v1::SignalProcessResponse> reply) override {
    inner_->SignalProcess(call, request, std::move(reply));
  }
  void ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) override {
    inner_->ListProcesses(call, std::move(reply));
  }
  std::unique_ptr<Operation> ReadFile(const Call& call, const v1::ReadFileRequest& request,
                                      std::shared_ptr<ReadSink> sink) override {
    return inner_->ReadFile(call, request, std::move(sink));
  }
  std::unique_ptr<Upload> WriteFile(const Call& call, const v1::WriteFileRequest::Header& header,
                                    absl::AnyInvocable<void()> on_room,
                                    Reply<v1::WriteFileResponse> reply) override {
    return inner_->WriteFile(call, header, std::move(on_room), std::move(reply));
  }
  void StatFile(const Call& call, const v1::StatFileRequest& request,
                Reply<v1::FileEntry> reply) override {
    inner_->StatFile(call, request, std::move(reply));
  }
  std::unique_ptr<Operation> ListDirectory(const Call& call,
                                           const v1::ListDirectoryRequest& request,
                                           std::shared_ptr<Sink<v1::FileEntry>> sink) override {
    return inner_->ListDirectory(call, request, std::move(sink));
  }
  void MakeDirectory(const Call& call, const v1::MakeDirectoryRequest& request,
                     Reply<v1::FileEntry> reply) override {
    inner_->MakeDirectory(call, request, std::move(reply));
  }
  void MoveFile(const Call& call, const v1::MoveFileRequest& request,
                Reply<v1::FileEntry> reply) override {
    inner_->MoveFile(call, request, std::move(reply));
  }
  void RemoveFile(const Call& call, const v1::RemoveFileRequest& request,
                  Reply<v1::RemoveFileResponse> reply) override {
    inner_->RemoveFile(call, request, std::move(reply));
  }
  std::unique_ptr<Operation> WatchDirectory(const Call& call,
                                            const v1::WatchDirectoryRequest& request,
                                            std::shared_ptr<Sink<v1::FileEvent>> sink) override {
    return inner_->WatchDirectory(call, request, std::move(sink));
  }

 private:
  Reply<v1::Sandbox> Renaming(Reply<v1::Sandbox> reply) const;
  Reply<v1::Context> Renaming(Reply<v1::Context> reply) const;

  const std::shared_ptr<SandboxHandle> inner_;
  const std::shared_ptr<const Name> name_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_RENAMED_SANDBOX_H_
