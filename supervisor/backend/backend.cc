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
class RefusedProcess final : public ProcessOperation {
 public:
  void Resume() override {}
  void Cancel() override {}
  Flow Write(std::string) override { return Flow::kContinue; }
  void CloseInput() override {}
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

void SandboxHandle::Unpause(const Call&, Reply<warren::v1::Sandbox> reply) {
  reply(NotBuilt("ResumeSandbox"));
}

void SandboxHandle::GetEnvironment(const Call&, Reply<warren::v1::Environment> reply) {
  reply(NotBuilt("GetEnvironment"));
}

void SandboxHandle::Install(const Call&, const warren::v1::InstallPackageRequest&,
                            Reply<warren::v1::InstallPackageResponse> reply) {
  reply(NotBuilt("InstallPackage"));
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

std::unique_ptr<Operation> SandboxHandle::Connect(const Call&, const std::string&, int64_t,
                                                  std::shared_ptr<ExecutionSink> sink) {
  return Refuse("connecting to an execution", *sink);
}

void SandboxHandle::Interrupt(const Call&, const std::string&,
                              Reply<warren::v1::InterruptExecutionResponse> reply) {
  reply(NotBuilt("InterruptExecution"));
}

std::unique_ptr<ProcessOperation> SandboxHandle::Start(const Call&,
                                                       warren::v1::RunProcessRequest::Start,
                                                       absl::AnyInvocable<void()>,
                                                       std::shared_ptr<ProcessSink> sink) {
  sink->End(NotBuilt("RunProcess"));
  return std::make_unique<RefusedProcess>();
}

std::unique_ptr<ProcessOperation> SandboxHandle::ConnectProcess(const Call&, int32_t,
                                                                absl::AnyInvocable<void()>,
                                                                std::shared_ptr<ProcessSink> sink) {
  sink->End(NotBuilt("connecting to a process"));
  return std::make_unique<RefusedProcess>();
}

void SandboxHandle::WriteInput(const Call&, int32_t, std::string, Done done) {
  done(NotBuilt("writing to a process"));
}

void SandboxHandle::CloseInput(const Call&, int32_t, Done done) {
  done(NotBuilt("closing the input of a process"));
}

void SandboxHandle::ResizeTerminal(const Call&, int32_t, warren::v1::RunProcessRequest::Terminal,
                                   Done done) {
  done(NotBuilt("resizing a terminal"));
}

void SandboxHandle::SignalProcess(const Call&, const warren::v1::SignalProcessRequest&,
                                  Reply<warren::v1::SignalProcessResponse> reply) {
  reply(NotBuilt("SignalProcess"));
}

void SandboxHandle::ListProcesses(const Call&, Reply<warren::v1::ListProcessesResponse> reply) {
  reply(NotBuilt("ListProcesses"));
}

std::unique_ptr<Operation> SandboxHandle::ReadFile(
    const Call&, const warren::v1::ReadFileRequest&,
    std::shared_ptr<Sink<warren::v1::FileChunk>> sink) {
  return Refuse("ReadFile", *sink);
}

std::unique_ptr<Upload> SandboxHandle::WriteFile(const Call&, warren::v1::WriteFileRequest,
                                                 absl::AnyInvocable<void()>,
                                                 Reply<warren::v1::FileEntry> reply) {
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

}  // namespace warren
