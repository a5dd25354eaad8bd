// Processes; envd_client_files.cc has the files.
#include "supervisor/e2b/envd/envd_client.h"

#include <signal.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/backend/validate_process.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/e2b/envd/cloud_command.h"
#include "supervisor/e2b/envd/cloud_input.h"
#include "supervisor/e2b/envd/cloud_operation.h"
#include "supervisor/e2b/envd/cloud_process.h"
#include "supervisor/e2b/envd/connect_call.h"
#include "supervisor/e2b/envd/process_events.h"

namespace warren {
namespace {

class RefusedCloudOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

class CloudProcessOperation final : public CloudOperation<CloudProcess> {
 public:
  using CloudOperation::CloudOperation;
  absl::Status Detach() override {
    Post(&CloudProcess::Detach);
    return absl::OkStatus();
  }
};

template <class Event>
std::unique_ptr<Operation> RefuseHere(Sink<Event>& sink, absl::Status why) {
  sink.End(std::move(why));
  return std::make_unique<RefusedCloudOperation>();
}

// An operation holds its process weakly; this is who holds it until it has begun.
template <class Begin>
std::unique_ptr<Operation> BeginProcess(const std::shared_ptr<Cloud>& cloud,
                                        const std::shared_ptr<CloudProcess>& process, Begin begin) {
  cloud->Post([process, begin = std::move(begin)]() mutable { begin(*process); });
  return std::make_unique<CloudProcessOperation>(cloud, process);
}

}  // namespace

std::unique_ptr<Operation> EnvdClient::StartProcess(
    const Call&, v1::StartProcessRequest request,
    std::shared_ptr<SandboxHandle::ProcessSink> sink) const {
  if (absl::Status status = ValidateStartProcess(request); !status.ok())
    return RefuseHere(*sink, std::move(status));
  auto process = std::make_shared<CloudProcess>(cloud_, sandbox_, std::move(sink));
  return BeginProcess(cloud_, process, [request = std::move(request)](CloudProcess& begun) mutable {
    begun.Start(std::move(request));
  });
}

std::unique_ptr<Operation> EnvdClient::ConnectProcess(
    const Call&, const v1::ConnectProcessRequest& request,
    std::shared_ptr<SandboxHandle::ProcessSink> sink) const {
  absl::Status status = ValidateConnectProcess(request);
  if (status.ok() && request.has_after_output_bytes()) {
    status = absl::UnimplementedError(
        "processes.replay cannot be had on a backend that is E2B's cloud: it keeps no output for a "
        "client that comes back; leave after_output_bytes out");
  }
  auto pid = CloudPid(request.process_id());
  if (status.ok()) status = pid.status();
  if (!status.ok()) return RefuseHere(*sink, std::move(status));
  auto process = std::make_shared<CloudProcess>(cloud_, sandbox_, std::move(sink));
  return BeginProcess(cloud_, process,
                      [number = *pid, on_disconnect = request.on_disconnect()](
                          CloudProcess& begun) { begun.Connect(number, on_disconnect); });
}

void EnvdClient::WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                            Reply<v1::WriteProcessInputResponse> reply) const {
  absl::Status status = ValidateWriteInput(request);
  auto pid = CloudPid(request.process_id());
  if (status.ok()) status = pid.status();
  if (!status.ok()) return reply(std::move(status));
  cloud_->Post([cloud = cloud_, sandbox = sandbox_, number = *pid, deadline = call.deadline,
                request = std::move(request), reply = SureReply(std::move(reply))]() mutable {
    std::shared_ptr<CloudInput>& input = EnvdStateOf(*sandbox).inputs[number];
    if (input == nullptr) input = std::make_shared<CloudInput>(cloud, sandbox, number);
    // It may be the last that waits, and go.
    const std::shared_ptr<CloudInput> writing = input;
    writing->Write(std::move(request), deadline, std::move(reply));
  });
}

void EnvdClient::ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& request,
                                Reply<v1::ResizeTerminalResponse> reply) const {
  absl::Status status = ValidateResize(request);
  auto pid = CloudPid(request.process_id());
  if (status.ok()) status = pid.status();
  if (!status.ok()) return reply(std::move(status));
  e2b::UpdateRequest update;
  update.mutable_process()->set_pid(*pid);
  update.mutable_pty()->mutable_size()->set_cols(static_cast<uint32_t>(request.size().columns()));
  update.mutable_pty()->mutable_size()->set_rows(static_cast<uint32_t>(request.size().rows()));
  cloud_->Post([cloud = cloud_, sandbox = sandbox_, update = std::move(update),
                deadline = call.deadline, reply = SureReply(std::move(reply))]() mutable {
    EnvdCall ask{"/process.Process/Update", ""};
    ask.again = HttpAgain::kAlways;
    ask.deadline = deadline;
    AskEnvd(cloud, sandbox, ask, update,
            [reply = std::move(reply)](absl::StatusOr<std::string> done) mutable {
              if (!done.ok()) return reply(done.status());
              reply(v1::ResizeTerminalResponse());
            });
  });
}

void EnvdClient::SignalProcess(const Call&, const v1::SignalProcessRequest& request,
                               Reply<v1::SignalProcessResponse> reply) const {
  absl::Status status = ValidateSignal(request);
  auto pid = CloudPid(request.process_id());
  if (status.ok()) status = pid.status();
  if (!status.ok()) return reply(std::move(status));
  cloud_->Post([cloud = cloud_, sandbox = sandbox_, number = *pid, signal = request.signal(),
                reply = SureReply(std::move(reply))]() mutable {
    if (signal != SIGTERM && signal != SIGKILL) {
      CloudCommand::Spec spec{{"/bin/sh", "-c", absl::StrCat("kill -", signal, " ", number)}, ""};
      return CloudCommand::Run(
          cloud, sandbox, spec,
          [reply = std::move(reply)](absl::StatusOr<CloudCommand::Outcome> outcome) mutable {
            if (!outcome.ok()) return reply(outcome.status());
            if (outcome->exit_code != 0) {
              return reply(absl::FailedPreconditionError(
                  absl::StrCat("the signal could not be sent: ", outcome->words)));
            }
            reply(v1::SignalProcessResponse());
          });
    }
    e2b::SendSignalRequest send;
    send.mutable_process()->set_pid(number);
    send.set_signal(signal == SIGKILL ? e2b::SIGNAL_SIGKILL : e2b::SIGNAL_SIGTERM);
    AskEnvd(cloud, sandbox, EnvdCall{"/process.Process/SendSignal", ""}, send,
            [reply = std::move(reply)](absl::StatusOr<std::string> sent) mutable {
              if (!sent.ok()) return reply(sent.status());
              reply(v1::SignalProcessResponse());
            });
  });
}

void EnvdClient::ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) const {
  cloud_->Post([cloud = cloud_, sandbox = sandbox_, deadline = call.deadline,
                reply = SureReply(std::move(reply))]() mutable {
    EnvdCall ask{"/process.Process/List", ""};
    ask.again = HttpAgain::kAlways;
    ask.deadline = deadline;
    AskEnvdFor<e2b::ListResponse>(
        cloud, sandbox, ask, e2b::ListRequest(),
        [sandbox, reply = std::move(reply)](absl::StatusOr<e2b::ListResponse> list) mutable {
          if (!list.ok()) return reply(list.status());
          v1::ListProcessesResponse response;
          EnvdState& state = EnvdStateOf(*sandbox);
          for (const e2b::ProcessInfo& info : list->processes()) {
            v1::Process& process = *response.add_processes();
            process = ToListedProcess(info);
            auto known = state.processes.find(info.pid());
            if (known == state.processes.end()) continue;
            process.set_has_terminal(known->second.input == KnownCloudProcess::Input::kTerminal);
            process.set_clients(known->second.clients);
          }
          reply(std::move(response));
        });
  });
}

}  // namespace warren
