#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/base/status.h"
#include "supervisor/backend/validate_process.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"
#include "supervisor/local/process_operation.h"

// The processes of a leased sandbox. They live on the IO thread: every call goes on there.
namespace warren {
namespace {

std::shared_ptr<ProcessClient> MakeClient(Sandbox& sandbox,
                                          std::shared_ptr<SandboxHandle::ProcessSink> sink,
                                          warren::v1::OnDisconnect on_disconnect) {
  auto client = std::make_shared<ProcessClient>();
  client->sink = std::move(sink);
  client->on_disconnect = on_disconnect;
  client->use = sandbox.Use();
  return client;
}

void Refuse(ProcessClient& client, absl::Status why) {
  std::exchange(client.sink, nullptr)->End(std::move(why));
}

absl::Status NoProcess() {
  return absl::NotFoundError("no such process: it never was, or it ended too long ago");
}

}  // namespace

std::unique_ptr<Operation> LocalSandbox::StartProcess(const Call&,
                                                      warren::v1::StartProcessRequest request,
                                                      std::shared_ptr<ProcessSink> sink) {
  absl::Status valid = ValidateStartProcess(request);
  if (valid.ok()) valid = CheckUsable();
  auto client = MakeClient(*sandbox_, std::move(sink), request.on_disconnect());
  if (!valid.ok()) {
    Refuse(*client, std::move(valid));
  } else {
    backend_.loop().Post([sandbox = sandbox_, request = std::move(request), client]() mutable {
      sandbox->processes()->Start(std::move(request), std::move(client));
    });
  }
  return std::make_unique<ProcessOperation>(backend_.loop(), std::move(client));
}

std::unique_ptr<Operation> LocalSandbox::ConnectProcess(
    const Call&, const warren::v1::ConnectProcessRequest& request,
    std::shared_ptr<ProcessSink> sink) {
  absl::Status valid = ValidateConnectProcess(request);
  if (valid.ok()) valid = FindLease().status();
  auto client = MakeClient(*sandbox_, std::move(sink), request.on_disconnect());
  if (!valid.ok()) {
    Refuse(*client, std::move(valid));
  } else {
    client->new_output_only = request.new_output_only();
    std::optional<int64_t> after;
    if (request.has_after_output_bytes()) after = request.after_output_bytes();
    backend_.loop().Post([sandbox = sandbox_, id = request.process_id(), client, after,
                          usable = CheckUsable()]() mutable {
      // How one has ended is told also where nothing runs any more.
      auto process = sandbox->processes()->Find(id);
      if (process && !process->ended() && !usable.ok()) return Refuse(*client, std::move(usable));
      sandbox->processes()->Connect(id, std::move(client), after);
    });
  }
  return std::make_unique<ProcessOperation>(backend_.loop(), std::move(client));
}

void LocalSandbox::WriteInput(const Call&, warren::v1::WriteProcessInputRequest request,
                              Reply<warren::v1::WriteProcessInputResponse> reply) {
  absl::Status valid = ValidateWriteInput(request);
  if (valid.ok()) valid = CheckUsable();
  if (!valid.ok()) return reply(valid);
  backend_.loop().Post(
      [sandbox = sandbox_, request = std::move(request), reply = std::move(reply)]() mutable {
        auto process = sandbox->processes()->Find(request.process_id());
        if (!process) return reply(NoProcess());
        process->Write(std::move(request), std::move(reply));
      });
}

void LocalSandbox::ResizeTerminal(const Call&, const warren::v1::ResizeTerminalRequest& request,
                                  Reply<warren::v1::ResizeTerminalResponse> reply) {
  absl::Status valid = ValidateResize(request);
  if (valid.ok()) valid = CheckUsable();
  if (!valid.ok()) return reply(valid);
  backend_.loop().Post([sandbox = sandbox_, request, reply = std::move(reply)]() mutable {
    auto process = sandbox->processes()->Find(request.process_id());
    absl::Status status = process ? process->Resize(request.size()) : NoProcess();
    if (!status.ok()) return reply(status);
    reply(warren::v1::ResizeTerminalResponse());
  });
}

void LocalSandbox::SignalProcess(const Call&, const warren::v1::SignalProcessRequest& request,
                                 Reply<warren::v1::SignalProcessResponse> reply) {
  absl::Status valid = ValidateSignal(request);
  if (valid.ok()) valid = CheckUsable();
  if (!valid.ok()) return reply(valid);
  backend_.loop().Post([sandbox = sandbox_, request, reply = std::move(reply)]() mutable {
    auto process = sandbox->processes()->Find(request.process_id());
    absl::Status status = process ? process->Signal(request.signal()) : NoProcess();
    if (!status.ok()) return reply(status);
    reply(warren::v1::SignalProcessResponse());
  });
}

void LocalSandbox::ListProcesses(const Call&, Reply<warren::v1::ListProcessesResponse> reply) {
  // No use of it: also of one that is paused.
  if (auto lease = FindLease(); !lease.ok()) return reply(lease.status());
  backend_.loop().Post([sandbox = sandbox_, reply = std::move(reply)]() mutable {
    reply(sandbox->processes()->List());
  });
}

}  // namespace warren
