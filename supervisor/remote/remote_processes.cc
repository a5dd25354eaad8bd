#include "supervisor/backend/process_queue.h"
#include "supervisor/remote/remote_call.h"
#include "supervisor/remote/remote_sandbox.h"
#include "supervisor/remote/remote_stream.h"

// The processes of a sandbox of another Warren.
namespace warren {

std::unique_ptr<Operation> RemoteSandbox::StartProcess(const Call& call,
                                                       v1::StartProcessRequest request,
                                                       std::shared_ptr<ProcessSink> sink) {
  request.set_sandbox_id(id_);
  const RemoteLife life = request.on_disconnect() == v1::ON_DISCONNECT_CANCEL
                              ? RemoteLife::kEndsWithClient
                              : RemoteLife::kGoesOn;
  return StartStream<v1::ProcessEvent>(
      stubs_, call, std::move(sink), life, [&](grpc::ClientContext* context, auto* reactor) {
        stubs_->processes->async()->StartProcess(context, &request, reactor);
      });
}

std::unique_ptr<Operation> RemoteSandbox::ConnectProcess(const Call& call,
                                                         const v1::ConnectProcessRequest& what,
                                                         std::shared_ptr<ProcessSink> sink) {
  v1::ConnectProcessRequest request = what;
  request.set_sandbox_id(id_);
  // What it says otherwise, only the remote one knows.
  const RemoteLife life = request.on_disconnect() == v1::ON_DISCONNECT_CONTINUE
                              ? RemoteLife::kGoesOn
                              : RemoteLife::kEndsWithClient;
  return StartStream<v1::ProcessEvent>(
      stubs_, call, std::move(sink), life, [&](grpc::ClientContext* context, auto* reactor) {
        stubs_->processes->async()->ConnectProcess(context, &request, reactor);
      });
}

void RemoteSandbox::WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                               Reply<v1::WriteProcessInputResponse> reply) {
  request.set_sandbox_id(id_);
  StartCall<v1::WriteProcessInputResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->processes->async()->WriteProcessInput(to...); });
}

void RemoteSandbox::ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& what,
                                   Reply<v1::ResizeTerminalResponse> reply) {
  v1::ResizeTerminalRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::ResizeTerminalResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->processes->async()->ResizeTerminal(to...); });
}

void RemoteSandbox::SignalProcess(const Call& call, const v1::SignalProcessRequest& what,
                                  Reply<v1::SignalProcessResponse> reply) {
  v1::SignalProcessRequest request = what;
  request.set_sandbox_id(id_);
  StartCall<v1::SignalProcessResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->processes->async()->SignalProcess(to...); });
}

void RemoteSandbox::ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) {
  v1::ListProcessesRequest request;
  request.set_sandbox_id(id_);
  StartCall<v1::ListProcessesResponse>(
      stubs_, call, std::move(request), std::move(reply),
      [this](auto... to) { stubs_->processes->async()->ListProcesses(to...); });
}

}  // namespace warren
