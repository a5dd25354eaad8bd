#include "supervisor/backend/backend.h"

#include "absl/strings/str_cat.h"

// What a backend does not override: UNIMPLEMENTED.
namespace warren {
namespace {

absl::Status NotBuilt(absl::string_view what) {
  return absl::UnimplementedError(
      absl::StrCat(what, " is part of the contract, but this backend does not have it yet"));
}

// For what ended before it began.
class Refused final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};
class RefusedUpload final : public Upload {
 public:
  void Resume() override {}
  void Cancel() override {}
  Flow Write(std::string) override { return Flow::kContinue; }
  void Close() override {}
};

template <class E>
std::unique_ptr<Operation> Refuse(absl::string_view what, Sink<E>& sink) {
  sink.End(NotBuilt(what));
  return std::make_unique<Refused>();
}

}  // namespace

absl::Status Operation::Detach() { return NotBuilt("leaving it"); }

void SandboxHandle::Get(const Call&, Reply<warren::v1::Sandbox> reply) {
  reply(NotBuilt("GetSandbox"));
}

void SandboxHandle::SetLifetime(const Call&, const warren::v1::SetSandboxLifetimeRequest&,
                                Reply<warren::v1::Sandbox> reply) {
  reply(NotBuilt("SetSandboxLifetime"));
}

void SandboxHandle::Destroy(const Call&, Reply<warren::v1::DestroySandboxResponse> reply) {
  reply(NotBuilt("DestroySandbox"));
}

void SandboxHandle::Pause(const Call&, Reply<warren::v1::Sandbox> reply) {
  reply(NotBuilt("PauseSandbox"));
}

void SandboxHandle::Unpause(const Call&, const warren::v1::ResumeSandboxRequest&,
                            Reply<warren::v1::Sandbox> reply) {
  reply(NotBuilt("ResumeSandbox"));
}

void SandboxHandle::ChangeLimits(const Call&, const warren::v1::ChangeSandboxLimitsRequest&,
                                 Reply<warren::v1::Sandbox> reply) {
  reply(NotBuilt("ChangeSandboxLimits"));
}

void SandboxHandle::GetMetrics(const Call&, Reply<warren::v1::SandboxMetrics> reply) {
  reply(NotBuilt("GetSandboxMetrics"));
}

void SandboxHandle::GetEnvironment(const Call&, Reply<warren::v1::Environment> reply) {
  reply(NotBuilt("GetEnvironment"));
}

std::unique_ptr<Operation> SandboxHandle::Install(const Call&, warren::v1::InstallPackageRequest,
                                                  std::shared_ptr<InstallSink> sink) {
  return Refuse("InstallPackage", *sink);
}

void SandboxHandle::SetNetwork(const Call&, const warren::v1::SetSandboxNetworkRequest&,
                               Reply<warren::v1::Sandbox> reply) {
  reply(NotBuilt("SetSandboxNetwork"));
}

std::unique_ptr<Operation> SandboxHandle::WatchNetwork(const Call&,
                                                       std::shared_ptr<NetworkSink> sink) {
  return Refuse("WatchSandboxNetwork", *sink);
}

void SandboxHandle::ConnectPort(const Call&, uint32_t,
                                Reply<std::unique_ptr<PortConnection>> reply) {
  reply(NotBuilt("ConnectPort"));
}

void SandboxHandle::CreateContext(const Call&, const warren::v1::CreateContextRequest&,
                                  Reply<warren::v1::Context> reply) {
  reply(NotBuilt("CreateContext"));
}

void SandboxHandle::ListContexts(const Call&, Reply<warren::v1::ListContextsResponse> reply) {
  reply(NotBuilt("ListContexts"));
}

void SandboxHandle::DeleteContext(const Call&, const std::string&,
                                  Reply<warren::v1::DeleteContextResponse> reply) {
  reply(NotBuilt("DeleteContext"));
}

void SandboxHandle::RestartContext(const Call&, const std::string&,
                                   Reply<warren::v1::Context> reply) {
  reply(NotBuilt("RestartContext"));
}

std::unique_ptr<Operation> SandboxHandle::Execute(const Call&, warren::v1::ExecuteCodeRequest,
                                                  std::shared_ptr<ExecutionSink> sink) {
  return Refuse("ExecuteCode", *sink);
}

std::unique_ptr<Operation> SandboxHandle::RunScript(const Call&, warren::v1::RunScriptRequest,
                                                    std::shared_ptr<ExecutionSink> sink) {
  return Refuse("RunScript", *sink);
}

std::unique_ptr<Operation> SandboxHandle::Connect(const Call&,
                                                  const warren::v1::ConnectExecutionRequest&,
                                                  std::shared_ptr<ExecutionSink> sink) {
  return Refuse("ConnectExecution", *sink);
}

void SandboxHandle::Interrupt(const Call&, const std::string&,
                              Reply<warren::v1::InterruptExecutionResponse> reply) {
  reply(NotBuilt("InterruptExecution"));
}

std::unique_ptr<Operation> SandboxHandle::StartProcess(const Call&, warren::v1::StartProcessRequest,
                                                       std::shared_ptr<ProcessSink> sink) {
  return Refuse("StartProcess", *sink);
}

std::unique_ptr<Operation> SandboxHandle::ConnectProcess(const Call&,
                                                         const warren::v1::ConnectProcessRequest&,
                                                         std::shared_ptr<ProcessSink> sink) {
  return Refuse("ConnectProcess", *sink);
}

void SandboxHandle::WriteInput(const Call&, warren::v1::WriteProcessInputRequest,
                               Reply<warren::v1::WriteProcessInputResponse> reply) {
  reply(NotBuilt("WriteProcessInput"));
}

void SandboxHandle::ResizeTerminal(const Call&, const warren::v1::ResizeTerminalRequest&,
                                   Reply<warren::v1::ResizeTerminalResponse> reply) {
  reply(NotBuilt("ResizeTerminal"));
}

void SandboxHandle::SignalProcess(const Call&, const warren::v1::SignalProcessRequest&,
                                  Reply<warren::v1::SignalProcessResponse> reply) {
  reply(NotBuilt("SignalProcess"));
}

void SandboxHandle::ListProcesses(const Call&, Reply<warren::v1::ListProcessesResponse> reply) {
  reply(NotBuilt("ListProcesses"));
}

std::unique_ptr<Operation> SandboxHandle::ReadFile(const Call&, const warren::v1::ReadFileRequest&,
                                                   std::shared_ptr<ReadSink> sink) {
  return Refuse("ReadFile", *sink);
}

std::unique_ptr<Upload> SandboxHandle::WriteFile(const Call&,
                                                 const warren::v1::WriteFileRequest::Header&,
                                                 absl::AnyInvocable<void()>,
                                                 Reply<warren::v1::WriteFileResponse> reply) {
  reply(NotBuilt("WriteFile"));
  return std::make_unique<RefusedUpload>();
}

void SandboxHandle::StatFile(const Call&, const warren::v1::StatFileRequest&,
                             Reply<warren::v1::FileEntry> reply) {
  reply(NotBuilt("StatFile"));
}

std::unique_ptr<Operation> SandboxHandle::ListDirectory(
    const Call&, const warren::v1::ListDirectoryRequest&,
    std::shared_ptr<Sink<warren::v1::FileEntry>> sink) {
  return Refuse("ListDirectory", *sink);
}

void SandboxHandle::MakeDirectory(const Call&, const warren::v1::MakeDirectoryRequest&,
                                  Reply<warren::v1::FileEntry> reply) {
  reply(NotBuilt("MakeDirectory"));
}

void SandboxHandle::MoveFile(const Call&, const warren::v1::MoveFileRequest&,
                             Reply<warren::v1::FileEntry> reply) {
  reply(NotBuilt("MoveFile"));
}

void SandboxHandle::RemoveFile(const Call&, const warren::v1::RemoveFileRequest&,
                               Reply<warren::v1::RemoveFileResponse> reply) {
  reply(NotBuilt("RemoveFile"));
}

std::unique_ptr<Operation> SandboxHandle::WatchDirectory(
    const Call&, const warren::v1::WatchDirectoryRequest&,
    std::shared_ptr<Sink<warren::v1::FileEvent>> sink) {
  return Refuse("WatchDirectory", *sink);
}

void Backend::OnForgotten(std::function<void(const std::string&)>) {}

void Backend::Probe(const Call&, Reply<ProbeAnswer> reply) {
  absl::Status healthy = health();
  if (!healthy.ok()) return reply(std::move(healthy));
  reply(ProbeAnswer());
}

void Backend::ListBackends(const Call&, const warren::v1::ListBackendsRequest&,
                           Reply<warren::v1::ListBackendsResponse> reply) {
  reply(NotBuilt("ListBackends"));
}

std::unique_ptr<Operation> Backend::Prefetch(const Call&, warren::v1::PrefetchPackagesRequest,
                                             std::shared_ptr<InstallSink> sink) {
  return Refuse("PrefetchPackages", *sink);
}

void Backend::ListPackages(const Call&, Reply<warren::v1::ListStoredPackagesResponse> reply) {
  reply(NotBuilt("ListStoredPackages"));
}

void Backend::PrunePackages(const Call&, const warren::v1::PruneStoredPackagesRequest&,
                            Reply<warren::v1::PruneStoredPackagesResponse> reply) {
  reply(NotBuilt("PruneStoredPackages"));
}

void Backend::VerifyPackages(const Call&, Reply<warren::v1::VerifyStoredPackagesResponse> reply) {
  reply(NotBuilt("VerifyStoredPackages"));
}

}  // namespace warren
