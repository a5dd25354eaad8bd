#include "supervisor/gateway/envd/process_service.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "supervisor/base/text.h"
#include "supervisor/gateway/envd/basic_user.h"
#include "supervisor/gateway/envd/process_convert.h"
#include "supervisor/gateway/envd/process_input.h"
#include "supervisor/gateway/envd/process_stream.h"
#include "supervisor/gateway/http/ask_while_there.h"

namespace warren {
namespace {

using SandboxOfProcess = std::shared_ptr<SandboxHandle>;

// Where a client names no other, which is in whole seconds and at most kMostKeepalive.
constexpr absl::Duration kKeepalive = absl::Seconds(90);
constexpr absl::Duration kMostKeepalive = absl::Hours(1);
constexpr size_t kShownMethod = 64;

absl::Status NoProcessWithPid(uint32_t pid) {
  return absl::NotFoundError(absl::StrCat("process with pid ", pid, " not found"));
}

// Whether one that has ended, and is still kept, is found too.
enum class EndedProcesses { kRefused, kFound };

// Pids come again: one that runs goes before those that have ended, and of these the last.
Async<absl::StatusOr<v1::Process>> FindProcess(SandboxOfProcess sandbox,
                                               e2b::ProcessSelector selector,
                                               EndedProcesses ended) {
  if (!selector.has_pid()) {
    co_return absl::UnimplementedError(
        "processes are found by their pid alone: tags are taken, and not kept");
  }
  auto list = co_await Ask<v1::ListProcessesResponse>(
      [&](auto reply) { sandbox->ListProcesses(Call(), std::move(reply)); });
  if (!list.ok()) co_return list.status();
  const v1::Process* found = nullptr;
  for (const v1::Process& process : list->processes()) {
    if (static_cast<uint32_t>(process.pid()) != selector.pid()) continue;
    if (!process.has_termination()) co_return process;
    if (ended == EndedProcesses::kFound) found = &process;
  }
  if (found == nullptr) co_return NoProcessWithPid(selector.pid());
  co_return *found;
}

Async<absl::StatusOr<e2b::ListResponse>> ListRunning(SandboxOfProcess sandbox) {
  auto list = co_await Ask<v1::ListProcessesResponse>(
      [&](auto reply) { sandbox->ListProcesses(Call(), std::move(reply)); });
  if (!list.ok()) co_return list.status();
  e2b::ListResponse response;
  for (const v1::Process& process : list->processes()) {
    if (!process.has_termination()) *response.add_processes() = ToProcessInfo(process);
  }
  co_return response;
}

Async<absl::StatusOr<e2b::UpdateResponse>> UpdateProcess(SandboxOfProcess sandbox,
                                                         e2b::UpdateRequest request) {
  auto process = co_await FindProcess(sandbox, request.process(), EndedProcesses::kRefused);
  if (!process.ok()) co_return process.status();
  if (request.has_pty()) {
    v1::ResizeTerminalRequest resize;
    resize.set_process_id(process->process_id());
    *resize.mutable_size() = ToTerminal(request.pty());
    auto resized = co_await Ask<v1::ResizeTerminalResponse>(
        [&](auto reply) { sandbox->ResizeTerminal(Call(), resize, std::move(reply)); });
    if (!resized.ok()) co_return resized.status();
  }
  co_return e2b::UpdateResponse();
}

Async<absl::StatusOr<e2b::SendInputResponse>> SendProcessInput(Exchange& exchange,
                                                               SandboxOfProcess sandbox,
                                                               e2b::SendInputRequest request) {
  auto process = co_await FindProcess(sandbox, request.process(), EndedProcesses::kRefused);
  if (!process.ok()) co_return process.status();
  const absl::Status written = co_await WriteToProcess(exchange, sandbox, *std::move(process),
                                                       std::move(*request.mutable_input()));
  if (!written.ok()) co_return written;
  co_return e2b::SendInputResponse();
}

Async<absl::StatusOr<e2b::SendSignalResponse>> SendProcessSignal(SandboxOfProcess sandbox,
                                                                 e2b::SendSignalRequest request) {
  if (request.signal() != e2b::SIGNAL_SIGTERM && request.signal() != e2b::SIGNAL_SIGKILL)
    co_return absl::UnimplementedError("the signals are SIGNAL_SIGTERM and SIGNAL_SIGKILL");
  auto process = co_await FindProcess(sandbox, request.process(), EndedProcesses::kRefused);
  if (!process.ok()) co_return process.status();
  v1::SignalProcessRequest signal;
  signal.set_process_id(process->process_id());
  // E2B numbers them as Linux does.
  signal.set_signal(request.signal());
  auto sent = co_await Ask<v1::SignalProcessResponse>(
      [&](auto reply) { sandbox->SignalProcess(Call(), signal, std::move(reply)); });
  // It has ended meanwhile.
  if (absl::IsFailedPrecondition(sent.status()))
    co_return NoProcessWithPid(request.process().pid());
  if (!sent.ok()) co_return sent.status();
  co_return e2b::SendSignalResponse();
}

Async<absl::StatusOr<e2b::CloseStdinResponse>> CloseProcessInput(Exchange& exchange,
                                                                 SandboxOfProcess sandbox,
                                                                 e2b::CloseStdinRequest request) {
  auto process = co_await FindProcess(sandbox, request.process(), EndedProcesses::kRefused);
  if (!process.ok()) co_return process.status();
  if (process->has_terminal()) {
    co_return absl::FailedPreconditionError(
        "a terminal has no input to be closed: send Ctrl+D (0x04) to the pty instead");
  }
  v1::WriteProcessInputRequest close;
  close.set_process_id(process->process_id());
  close.set_close(true);
  // Behind what was written before.
  auto closed = co_await AskWhileThere<v1::WriteProcessInputResponse>(
      exchange, [&](auto reply) { sandbox->WriteInput(Call(), close, std::move(reply)); });
  // It was closed already, which is no error.
  if (!closed.ok() && !absl::IsFailedPrecondition(closed.status())) co_return closed.status();
  co_return e2b::CloseStdinResponse();
}

// Until the client has said all.
Async<absl::Status> TakeInputStream(SandboxOfProcess sandbox, Exchange& exchange,
                                    ConnectCodec codec) {
  EnvelopeReader reader(exchange);
  std::optional<v1::Process> process;
  for (;;) {
    auto payload = co_await reader.Next();
    if (!payload.ok()) co_return payload.status();
    if (!*payload) co_return absl::OkStatus();
    e2b::StreamInputRequest request;
    if (absl::Status status = DecodeConnect(**payload, codec, request); !status.ok())
      co_return status;
    if (request.has_start()) {
      auto found =
          co_await FindProcess(sandbox, request.start().process(), EndedProcesses::kRefused);
      if (!found.ok()) co_return found.status();
      process = *std::move(found);
    } else if (request.has_data() && process) {
      const absl::Status written = co_await WriteToProcess(
          exchange, sandbox, *process, std::move(*request.mutable_data()->mutable_input()));
      if (!written.ok()) co_return written;
    } else if (request.has_data()) {
      co_return absl::InvalidArgumentError("the first message of the stream must be \"start\"");
    }
  }
}

}  // namespace

SteadyTime::duration EnvdProcesses::KeepaliveOf(const Exchange& exchange) const {
  absl::Duration keepalive = kKeepalive;
  int64_t seconds = 0;
  if (absl::SimpleAtoi(exchange.header("Keepalive-Ping-Interval"), &seconds) && seconds > 0)
    keepalive = std::min(absl::Seconds(seconds), kMostKeepalive);
  // A slow host keeps its word all the same.
  return absl::ToChronoNanoseconds(keepalive * std::min(pace_, 1.0));
}

Async<void> EnvdProcesses::Serve(Exchange& exchange, const std::string& sandbox_id,
                                 absl::string_view method) {
  auto opened =
      co_await door_.Open(exchange, sandbox_id, Credential::kAccessToken, ErrorForm::kConnect);
  if (!opened) co_return;
  const Handle sandbox = opened->handle;
  if (method == "Start") {
    co_await ServeStart(exchange, sandbox);
  } else if (method == "Connect") {
    co_await ServeConnect(exchange, sandbox);
  } else if (method == "StreamInput") {
    co_await ServeStreamInput(exchange, sandbox);
  } else if (method == "List") {
    co_await ServeUnary<e2b::ListRequest>(exchange,
                                          [&](e2b::ListRequest) { return ListRunning(sandbox); });
  } else if (method == "Update") {
    co_await ServeUnary<e2b::UpdateRequest>(exchange, [&](e2b::UpdateRequest request) {
      return UpdateProcess(sandbox, std::move(request));
    });
  } else if (method == "SendInput") {
    co_await ServeUnary<e2b::SendInputRequest>(exchange, [&](e2b::SendInputRequest request) {
      return SendProcessInput(exchange, sandbox, std::move(request));
    });
  } else if (method == "SendSignal") {
    co_await ServeUnary<e2b::SendSignalRequest>(exchange, [&](e2b::SendSignalRequest request) {
      return SendProcessSignal(sandbox, std::move(request));
    });
  } else if (method == "CloseStdin") {
    co_await ServeUnary<e2b::CloseStdinRequest>(exchange, [&](e2b::CloseStdinRequest request) {
      return CloseProcessInput(exchange, sandbox, std::move(request));
    });
  } else {
    const absl::Status unknown = absl::UnimplementedError(
        absl::StrCat("process.Process has no method \"", ToValidUtf8(method, kShownMethod), "\""));
    co_await AnswerConnectError(exchange, unknown);
  }
}

Async<void> EnvdProcesses::ServeStart(Exchange& exchange, Handle sandbox) {
  co_await ServeStream<e2b::StartRequest>(
      exchange, [&](e2b::StartRequest request, ConnectStream& stream) {
        return Start(exchange, sandbox, std::move(request), stream);
      });
}

Async<void> EnvdProcesses::ServeConnect(Exchange& exchange, Handle sandbox) {
  co_await ServeStream<e2b::ConnectRequest>(
      exchange, [&](e2b::ConnectRequest request, ConnectStream& stream) {
        return Connect(exchange, sandbox, std::move(request), stream);
      });
}

Async<void> EnvdProcesses::ServeStreamInput(Exchange& exchange, Handle sandbox) {
  auto form = ConnectFormOf(exchange.header("Content-Type"));
  if (form.ok() && !form->streams)
    form = absl::InvalidArgumentError("this method takes application/connect+json");
  if (!form.ok()) {
    co_await AnswerConnectError(exchange, form.status());
    co_return;
  }
  const absl::Status taken = co_await TakeInputStream(sandbox, exchange, form->codec);
  ConnectStream stream(exchange, form->codec);
  bool told = true;
  if (taken.ok()) {
    const e2b::StreamInputResponse response;
    told = co_await stream.Send(response);
  }
  if (told) co_await stream.End(taken);
}

Async<void> EnvdProcesses::Start(Exchange& exchange, Handle sandbox, e2b::StartRequest request,
                                 ConnectStream& stream) {
  const auto user = BasicUser(exchange.header("Authorization"));
  const auto timeout = ConnectTimeout(exchange);
  absl::StatusOr<v1::StartProcessRequest> start;
  if (!user.ok() || !timeout.ok()) {
    start = user.ok() ? timeout.status() : user.status();
  } else {
    start = ToStartProcess(std::move(request), *user, *timeout);
  }
  if (!start.ok()) {
    co_await stream.End(start.status());
    co_return;
  }
  ProcessStream events(exchange, stream, sandbox, ProcessCall::kStart, KeepaliveOf(exchange));
  events.queue()->Attach(sandbox->StartProcess(Call(), *std::move(start), events.queue()));
  // The process has its own deadline, and tells of it.
  co_await events.Run(SteadyTime::max());
}

Async<void> EnvdProcesses::Connect(Exchange& exchange, Handle sandbox, e2b::ConnectRequest request,
                                   ConnectStream& stream) {
  const auto timeout = ConnectTimeout(exchange);
  if (!timeout.ok()) {
    co_await stream.End(timeout.status());
    co_return;
  }
  const auto process = co_await FindProcess(sandbox, request.process(), EndedProcesses::kFound);
  if (!process.ok()) {
    co_await stream.End(process.status());
    co_return;
  }
  v1::ConnectProcessRequest connect;
  connect.set_process_id(process->process_id());
  connect.set_on_disconnect(v1::ON_DISCONNECT_CONTINUE);
  // As envd does: what was said while nobody was connected is nobody's.
  connect.set_new_output_only(true);
  ProcessStream events(exchange, stream, sandbox, ProcessCall::kConnect, KeepaliveOf(exchange));
  events.queue()->Attach(sandbox->ConnectProcess(Call(), connect, events.queue()));
  SteadyTime until = SteadyTime::max();
  if (*timeout) until = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(**timeout);
  co_await events.Run(until);
}

}  // namespace warren
