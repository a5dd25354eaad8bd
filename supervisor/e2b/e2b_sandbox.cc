#include "supervisor/e2b/e2b_sandbox.h"

#include "absl/strings/str_cat.h"
#include "supervisor/backend/validate.h"
#include "supervisor/backend/validate_package.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/e2b/commands/cloud_install.h"
#include "supervisor/e2b/commands/cloud_script.h"
#include "supervisor/e2b/features.h"

namespace warren {
namespace {

class InstallOperation final : public Operation {
 public:
  explicit InstallOperation(std::shared_ptr<CloudInstall> install) : install_(std::move(install)) {}
  void Resume() override {}
  void Cancel() override { install_->Cancel(); }

 private:
  const std::shared_ptr<CloudInstall> install_;
};

class LackingOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

}  // namespace

// ---- The control plane --------------------------------------------------------------------------

void E2bSandbox::Get(const Call&, Reply<v1::Sandbox> reply) {
  control_->Get(sandbox_, std::move(reply));
}

void E2bSandbox::SetLifetime(const Call&, const v1::SetSandboxLifetimeRequest& request,
                             Reply<v1::Sandbox> reply) {
  control_->SetLifetime(sandbox_, request, std::move(reply));
}

void E2bSandbox::Destroy(const Call&, Reply<v1::DestroySandboxResponse> reply) {
  sandbox_->destroying = true;
  control_->Destroy(sandbox_, [sandbox = sandbox_, reply = std::move(reply)](
                                  absl::StatusOr<v1::DestroySandboxResponse> destroyed) mutable {
    if (!destroyed.ok()) sandbox->destroying = false;
    reply(std::move(destroyed));
  });
}

void E2bSandbox::Pause(const Call&, Reply<v1::Sandbox> reply) {
  control_->Pause(sandbox_, std::move(reply));
}

void E2bSandbox::Unpause(const Call&, const v1::ResumeSandboxRequest& request,
                         Reply<v1::Sandbox> reply) {
  control_->Unpause(sandbox_, request, std::move(reply));
}

void E2bSandbox::ChangeLimits(const Call&, const v1::ChangeSandboxLimitsRequest&,
                              Reply<v1::Sandbox> reply) {
  reply(CloudLacks("limits.change"));
}

void E2bSandbox::GetMetrics(const Call&, Reply<v1::SandboxMetrics> reply) {
  control_->GetMetrics(sandbox_, std::move(reply));
}

void E2bSandbox::GetEnvironment(const Call&, Reply<v1::Environment> reply) {
  control_->Get(sandbox_, [reply = std::move(reply)](absl::StatusOr<v1::Sandbox> sandbox) mutable {
    if (!sandbox.ok()) return reply(sandbox.status());
    v1::Environment environment;
    environment.set_template_id(sandbox->template_id());
    *environment.mutable_limits() = sandbox->limits();
    environment.set_profile(sandbox->profile());
    environment.mutable_network()->set_preset("none");
    if (sandbox->has_network()) *environment.mutable_network() = sandbox->network();
    environment.set_python_packages_incomplete(
        "on a backend that is E2B's cloud they are not listed: ask pip, by a process");
    AddCloudFeatures(environment);
    reply(std::move(environment));
  });
}

void E2bSandbox::SetNetwork(const Call&, const v1::SetSandboxNetworkRequest& request,
                            Reply<v1::Sandbox> reply) {
  control_->SetNetwork(sandbox_, request, std::move(reply));
}

std::unique_ptr<Operation> E2bSandbox::WatchNetwork(const Call&,
                                                    std::shared_ptr<NetworkSink> sink) {
  sink->End(CloudLacks("network.watch"));
  return std::make_unique<LackingOperation>();
}

void E2bSandbox::ConnectPort(const Call&, uint32_t, Reply<std::unique_ptr<PortConnection>> reply) {
  reply(CloudLacks("ports"));
}

// ---- The code interpreter -----------------------------------------------------------------------

void E2bSandbox::CreateContext(const Call&, const v1::CreateContextRequest& request,
                               Reply<v1::Context> reply) {
  interpreter_.CreateContext(request, std::move(reply));
}

void E2bSandbox::ListContexts(const Call&, Reply<v1::ListContextsResponse> reply) {
  interpreter_.ListContexts(std::move(reply));
}

void E2bSandbox::DeleteContext(const Call&, const std::string& context_id,
                               Reply<v1::DeleteContextResponse> reply) {
  interpreter_.DeleteContext(context_id, std::move(reply));
}

void E2bSandbox::RestartContext(const Call&, const std::string& context_id,
                                Reply<v1::Context> reply) {
  interpreter_.RestartContext(context_id, std::move(reply));
}

std::unique_ptr<Operation> E2bSandbox::Execute(const Call&, v1::ExecuteCodeRequest request,
                                               std::shared_ptr<ExecutionSink> sink) {
  return interpreter_.Execute(std::move(request), std::move(sink));
}

std::unique_ptr<Operation> E2bSandbox::Connect(const Call&,
                                               const v1::ConnectExecutionRequest& request,
                                               std::shared_ptr<ExecutionSink> sink) {
  return interpreter_.Connect(request, std::move(sink));
}

void E2bSandbox::Interrupt(const Call&, const std::string& context_id,
                           Reply<v1::InterruptExecutionResponse> reply) {
  interpreter_.Interrupt(context_id, std::move(reply));
}

// ---- By commands --------------------------------------------------------------------------------

ExecutionDesk E2bSandbox::Desk() const {
  const std::shared_ptr<Cloud>& cloud = control_->cloud();
  return {sandbox_->id, cloud, cloud->detached(), cloud->memory()};
}

std::unique_ptr<Operation> E2bSandbox::RunScript(const Call&, v1::RunScriptRequest request,
                                                 std::shared_ptr<ExecutionSink> sink) {
  if (absl::Status status = ValidateRunScript(request); !status.ok())
    return RefuseExecution(*sink, std::move(status));
  request.clear_sandbox_id();
  DetachedExecutions& detached = control_->cloud()->detached();
  const std::string request_id = request.request_id();
  // No cell's: those have theirs without a word before it.
  const std::string fingerprint =
      request_id.empty() ? "" : absl::StrCat("script ", Fingerprint(request));
  auto execution = std::make_shared<Execution>(request, sink, detached);
  execution->Hold(SandboxUse(sandbox_->use));
  auto script = std::make_shared<CloudScript>(control_->cloud(), shared_from_this(),
                                              std::move(request), execution);
  if (!request_id.empty()) {
    auto earlier = detached.AddOnce(id(), request_id, fingerprint, script, execution);
    if (!earlier.ok()) return RefuseExecution(*sink, earlier.status());
    if (earlier->execution) return Desk().TakePlace(*earlier, std::move(sink));
  } else if (execution->kept()) {
    detached.Add(id(), script, execution);
  }
  auto begun = SureReply<bool>([execution](const absl::StatusOr<bool>& sure) {
    if (!sure.ok()) execution->Fail(sure.status());
  });
  control_->cloud()->Post([script, begun = std::move(begun)]() mutable {
    begun(true);
    script->Start();
  });
  return Desk().Operate(std::move(script), std::move(execution));
}

std::unique_ptr<Operation> E2bSandbox::Install(const Call&, v1::InstallPackageRequest request,
                                               std::shared_ptr<InstallSink> sink) {
  absl::Status status = ValidateInstall(request);
  if (status.ok()) {
    auto install = CloudInstall::Make(control_->cloud(), shared_from_this(), request.what(), sink);
    if (install.ok()) {
      (*install)->Start();
      return std::make_unique<InstallOperation>(*std::move(install));
    }
    status = install.status();
  }
  sink->End(std::move(status));
  return std::make_unique<LackingOperation>();
}

// ---- envd ---------------------------------------------------------------------------------------

std::unique_ptr<Operation> E2bSandbox::StartProcess(const Call& call,
                                                    v1::StartProcessRequest request,
                                                    std::shared_ptr<ProcessSink> sink) {
  return envd_.StartProcess(call, std::move(request), std::move(sink));
}

std::unique_ptr<Operation> E2bSandbox::ConnectProcess(const Call& call,
                                                      const v1::ConnectProcessRequest& request,
                                                      std::shared_ptr<ProcessSink> sink) {
  return envd_.ConnectProcess(call, request, std::move(sink));
}

void E2bSandbox::WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                            Reply<v1::WriteProcessInputResponse> reply) {
  envd_.WriteInput(call, std::move(request), std::move(reply));
}

void E2bSandbox::ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& request,
                                Reply<v1::ResizeTerminalResponse> reply) {
  envd_.ResizeTerminal(call, request, std::move(reply));
}

void E2bSandbox::SignalProcess(const Call& call, const v1::SignalProcessRequest& request,
                               Reply<v1::SignalProcessResponse> reply) {
  envd_.SignalProcess(call, request, std::move(reply));
}

void E2bSandbox::ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) {
  envd_.ListProcesses(call, std::move(reply));
}

std::unique_ptr<Operation> E2bSandbox::ReadFile(const Call& call,
                                                const v1::ReadFileRequest& request,
                                                std::shared_ptr<ReadSink> sink) {
  return envd_.ReadFile(call, request, std::move(sink));
}

std::unique_ptr<Upload> E2bSandbox::WriteFile(const Call& call,
                                              const v1::WriteFileRequest::Header& header,
                                              absl::AnyInvocable<void()> on_room,
                                              Reply<v1::WriteFileResponse> reply) {
  return envd_.WriteFile(call, header, std::move(on_room), std::move(reply));
}

void E2bSandbox::StatFile(const Call& call, const v1::StatFileRequest& request,
                          Reply<v1::FileEntry> reply) {
  envd_.StatFile(call, request, std::move(reply));
}

std::unique_ptr<Operation> E2bSandbox::ListDirectory(const Call& call,
                                                     const v1::ListDirectoryRequest& request,
                                                     std::shared_ptr<Sink<v1::FileEntry>> sink) {
  return envd_.ListDirectory(call, request, std::move(sink));
}

void E2bSandbox::MakeDirectory(const Call& call, const v1::MakeDirectoryRequest& request,
                               Reply<v1::FileEntry> reply) {
  envd_.MakeDirectory(call, request, std::move(reply));
}

void E2bSandbox::MoveFile(const Call& call, const v1::MoveFileRequest& request,
                          Reply<v1::FileEntry> reply) {
  envd_.MoveFile(call, request, std::move(reply));
}

void E2bSandbox::RemoveFile(const Call& call, const v1::RemoveFileRequest& request,
                            Reply<v1::RemoveFileResponse> reply) {
  envd_.RemoveFile(call, request, std::move(reply));
}

std::unique_ptr<Operation> E2bSandbox::WatchDirectory(const Call& call,
                                                      const v1::WatchDirectoryRequest& request,
                                                      std::shared_ptr<Sink<v1::FileEvent>> sink) {
  return envd_.WatchDirectory(call, request, std::move(sink));
}

}  // namespace warren
