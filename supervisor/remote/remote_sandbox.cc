#include "supervisor/remote/remote_sandbox.h"

#include "supervisor/backend/event_queue.h"
#include "supervisor/backend/network_queue.h"
#include "supervisor/backend/package_queue.h"
#include "supervisor/remote/remote_call.h"
#include "supervisor/remote/remote_stream.h"

namespace warren {
namespace {

RemoteLife LifeOf(v1::OnDisconnect on_disconnect) {
  return on_disconnect == v1::ON_DISCONNECT_CONTINUE ? RemoteLife::kGoesOn
                                                     : RemoteLife::kEndsWithClient;
}

}  // namespace

void RemoteSandbox::Get(const Call& call, Reply<v1::Sandbox> reply) {
  v1::GetSandboxRequest request;
  request.set_sandbox_id(id_);
  StartCall<v1::Sandbox>(stubs_, call, std::move(request), std::move(reply),
                         [this](auto... to) { stubs_->sandboxes->async()->GetSandbox(to...); });
}

void RemoteSandbox::SetLifetime(const Call& call, const v1::SetSandboxLifetimeRequest& what,
                                Reply<v1::Sandbox> reply) {
  v1::SetSandboxLifetimeRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::Sandbox>(stubs_, call, std::move(request), std::move(reply), [this](auto... to) {
    stubs_->sandboxes->async()->SetSandboxLifetime(to...);
  });
}

void RemoteSandbox::Destroy(const Call& call, Reply<v1::DestroySandboxResponse> reply) {
  v1::DestroySandboxRequest request;
  request.set_sandbox_id(id_);
  StartCall<v1::DestroySandboxResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->sandboxes->async()->DestroySandbox(to...); });
}

void RemoteSandbox::Pause(const Call& call, Reply<v1::Sandbox> reply) {
  v1::PauseSandboxRequest request;
  request.set_sandbox_id(id_);
  StartCall<v1::Sandbox>(stubs_, call, std::move(request), std::move(reply),
                         [this](auto... to) { stubs_->sandboxes->async()->PauseSandbox(to...); });
}

void RemoteSandbox::Unpause(const Call& call, const v1::ResumeSandboxRequest& what,
                            Reply<v1::Sandbox> reply) {
  v1::ResumeSandboxRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::Sandbox>(stubs_, call, std::move(request), std::move(reply),
                         [this](auto... to) { stubs_->sandboxes->async()->ResumeSandbox(to...); });
}

void RemoteSandbox::ChangeLimits(const Call& call, const v1::ChangeSandboxLimitsRequest& what,
                                 Reply<v1::Sandbox> reply) {
  v1::ChangeSandboxLimitsRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::Sandbox>(stubs_, call, std::move(request), std::move(reply), [this](auto... to) {
    stubs_->sandboxes->async()->ChangeSandboxLimits(to...);
  });
}

void RemoteSandbox::GetMetrics(const Call& call, Reply<v1::SandboxMetrics> reply) {
  v1::GetSandboxMetricsRequest request;
  request.set_sandbox_id(id_);
  StartCall<v1::SandboxMetrics>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->sandboxes->async()->GetSandboxMetrics(to...); });
}

void RemoteSandbox::GetEnvironment(const Call& call, Reply<v1::Environment> reply) {
  v1::GetEnvironmentRequest request;
  request.set_sandbox_id(id_);
  StartCall<v1::Environment>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->environments->async()->GetEnvironment(to...); });
}

std::unique_ptr<Operation> RemoteSandbox::Install(const Call& call,
                                                  v1::InstallPackageRequest request,
                                                  std::shared_ptr<InstallSink> sink) {
  request.set_sandbox_id(id_);
  return StartStream<v1::InstallPackageEvent>(
      stubs_, call, std::move(sink), RemoteLife::kEndsWithClient,
      [&](grpc::ClientContext* context, auto* reactor) {
        stubs_->packages->async()->InstallPackage(context, &request, reactor);
      });
}

void RemoteSandbox::SetNetwork(const Call& call, const v1::SetSandboxNetworkRequest& what,
                               Reply<v1::Sandbox> reply) {
  v1::SetSandboxNetworkRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::Sandbox>(stubs_, call, std::move(request), std::move(reply), [this](auto... to) {
    stubs_->sandboxes->async()->SetSandboxNetwork(to...);
  });
}

std::unique_ptr<Operation> RemoteSandbox::WatchNetwork(const Call& call,
                                                       std::shared_ptr<NetworkSink> sink) {
  v1::WatchSandboxNetworkRequest request;
  request.set_sandbox_id(id_);
  return StartStream<v1::NetworkEvent>(stubs_, call, std::move(sink), RemoteLife::kEndsWithClient,
                                       [&](grpc::ClientContext* context, auto* reactor) {
                                         stubs_->sandboxes->async()->WatchSandboxNetwork(
                                             context, &request, reactor);
                                       });
}

void RemoteSandbox::CreateContext(const Call& call, const v1::CreateContextRequest& what,
                                  Reply<v1::Context> reply) {
  v1::CreateContextRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::Context>(stubs_, call, std::move(request), std::move(reply),
                         [this](auto... to) { stubs_->contexts->async()->CreateContext(to...); });
}

void RemoteSandbox::ListContexts(const Call& call, Reply<v1::ListContextsResponse> reply) {
  v1::ListContextsRequest request;
  request.set_sandbox_id(id_);
  StartCall<v1::ListContextsResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->contexts->async()->ListContexts(to...); });
}

void RemoteSandbox::DeleteContext(const Call& call, const std::string& context_id,
                                  Reply<v1::DeleteContextResponse> reply) {
  v1::DeleteContextRequest request;
  request.set_sandbox_id(id_);
  request.set_context_id(context_id);
  StartCall<v1::DeleteContextResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->contexts->async()->DeleteContext(to...); });
}

void RemoteSandbox::RestartContext(const Call& call, const std::string& context_id,
                                   Reply<v1::Context> reply) {
  v1::RestartContextRequest request;
  request.set_sandbox_id(id_);
  request.set_context_id(context_id);
  StartCall<v1::Context>(stubs_, call, std::move(request), std::move(reply),
                         [this](auto... to) { stubs_->contexts->async()->RestartContext(to...); });
}

void RemoteSandbox::Interrupt(const Call& call, const std::string& context_id,
                              Reply<v1::InterruptExecutionResponse> reply) {
  v1::InterruptExecutionRequest request;
  request.set_sandbox_id(id_);
  request.set_context_id(context_id);
  StartCall<v1::InterruptExecutionResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->executions->async()->InterruptExecution(to...); });
}

// gRPC has serialized the request when the call has started.
std::unique_ptr<Operation> RemoteSandbox::Execute(const Call& call, v1::ExecuteCodeRequest request,
                                                  std::shared_ptr<ExecutionSink> sink) {
  request.set_sandbox_id(id_);
  return StartStream<v1::ExecutionEvent>(
      stubs_, call, std::move(sink), LifeOf(request.on_disconnect()),
      [&](grpc::ClientContext* context, auto* reactor) {
        stubs_->executions->async()->ExecuteCode(context, &request, reactor);
      });
}

std::unique_ptr<Operation> RemoteSandbox::RunScript(const Call& call, v1::RunScriptRequest request,
                                                    std::shared_ptr<ExecutionSink> sink) {
  request.set_sandbox_id(id_);
  return StartStream<v1::ExecutionEvent>(
      stubs_, call, std::move(sink), LifeOf(request.on_disconnect()),
      [&](grpc::ClientContext* context, auto* reactor) {
        stubs_->executions->async()->RunScript(context, &request, reactor);
      });
}

std::unique_ptr<Operation> RemoteSandbox::Connect(const Call& call,
                                                  const v1::ConnectExecutionRequest& what,
                                                  std::shared_ptr<ExecutionSink> sink) {
  v1::ConnectExecutionRequest request = what;
  request.set_sandbox_id(id_);
  return StartStream<v1::ExecutionEvent>(
      stubs_, call, std::move(sink), LifeOf(request.on_disconnect()),
      [&](grpc::ClientContext* context, auto* reactor) {
        stubs_->executions->async()->ConnectExecution(context, &request, reactor);
      });
}

}  // namespace warren
