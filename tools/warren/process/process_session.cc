#include "tools/warren/process/process_session.h"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "runtime/base/status.h"
#include "tools/warren/report.h"

namespace warren {
namespace {

// The third Ctrl-C gives up on a process that the first two did not end.
constexpr int kPatientInterrupts = 2;
// A signal or a size: so long the next one waits when the server is stuck.
constexpr absl::Duration kSignalTimeout = absl::Seconds(5);

}  // namespace

SessionSignals::SessionSignals()
    : SignalListener({SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP}) {}

ProcessSession::ProcessSession(Client& client, SignalListener& signals, ProcessRenderer& renderer,
                               std::string sandbox_id, Ways ways)
    : client_(client),
      signals_(signals),
      renderer_(renderer),
      sandbox_id_(std::move(sandbox_id)),
      ways_(ways) {}

ProcessSession::End ProcessSession::Start(v1::StartProcessRequest request) {
  request.set_sandbox_id(sandbox_id_);
  return Follow(client_.processes().StartProcess(&call_, request));
}

ProcessSession::End ProcessSession::Connect(v1::ConnectProcessRequest request) {
  request.set_sandbox_id(sandbox_id_);
  return Follow(client_.processes().ConnectProcess(&call_, request));
}

ProcessSession::End ProcessSession::Follow(const Stream& stream) {
  End end;
  end.termination.set_kind(v1::Termination::KIND_UNSPECIFIED);
  signals_.SetHandler([this](int signal) { OnSignal(signal); });
  v1::ProcessEvent event;
  while (stream->Read(&event)) {
    if (!OnEvent(event, &end)) call_.TryCancel();
  }
  input_.reset();
  signals_.SetHandler(nullptr);
  end.status = stream->Finish();
  std::lock_guard<std::mutex> lock(mutex_);
  raw_.reset();
  end.left = left_;
  end.signal = signal_;
  bool ended = end.termination.kind() != v1::Termination::KIND_UNSPECIFIED;
  if (ended || end.left) {
    end.status = grpc::Status::OK;
    end.left = !ended;
  } else if (end.status.ok()) {
    end.status = {grpc::StatusCode::INTERNAL,
                  "the stream of events ended without the process's end"};
  }
  return end;
}

bool ProcessSession::OnEvent(const v1::ProcessEvent& event, End* end) {
  if (!end->output.ok()) return false;
  if (event.has_started()) {
    if (ways_.attachment == Ways::Attachment::kDetach) {
      end->output = renderer_.OnDetached(event.started());
      Leave(0);
      return false;
    }
    end->output = OnStarted(event.started());
    if (!end->output.ok()) return false;
  }
  if (event.has_exited()) {
    end->termination = event.exited().termination();
    // What is said of its end is said on a terminal that is ours again.
    input_.reset();
    std::lock_guard<std::mutex> lock(mutex_);
    raw_.reset();
  }
  end->output = renderer_.OnEvent(event);
  return end->output.ok();
}

absl::Status ProcessSession::OnStarted(const v1::ProcessEvent::Started& started) {
  bool raw = ways_.terminal == Ways::Terminal::kRaw;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    process_id_ = started.process_id();
    if (raw) {
      WARREN_ASSIGN_OR_RETURN(raw_, RawTerminal::Enter(STDIN_FILENO));
    }
  }
  // It may have changed since it was asked for, and one that is connected to had another.
  if (raw) SendSize();
  if (ways_.input == Ways::Input::kForward) {
    std::function<void()> on_leave;
    if (raw) on_leave = [this] { Leave(0); };
    input_ = std::make_unique<InputForwarder>(
        client_, InputForwarder::Target{sandbox_id_, started.process_id()}, STDIN_FILENO,
        std::move(on_leave));
  }
  return absl::OkStatus();
}

void ProcessSession::OnSignal(int signal) {
  switch (signal) {
    case SIGWINCH:
      if (ways_.terminal == Ways::Terminal::kRaw) SendSize();
      return;
    case SIGTSTP:
      return StopOurselves();
    case SIGINT:
    case SIGQUIT:
      if (ways_.interrupt == Ways::Interrupt::kSignal && ++interrupts_ <= kPatientInterrupts &&
          !process_id().empty()) {
        return Forward(signal);
      }
      return Leave(signal);
    default:
      return Leave(signal);
  }
}

void ProcessSession::Forward(int signal) {
  v1::SignalProcessRequest request;
  request.set_sandbox_id(sandbox_id_);
  request.set_process_id(process_id());
  request.set_signal(signal);
  grpc::ClientContext call;
  SetDeadline(call, kSignalTimeout);
  v1::SignalProcessResponse response;
  grpc::Status status = client_.processes().SignalProcess(&call, request, &response);
  bool ended = status.error_code() == grpc::StatusCode::NOT_FOUND ||
               status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
  if (!status.ok() && !ended) FailCall(client_, "signal the process", status);
}

void ProcessSession::StopOurselves() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (raw_ != nullptr) raw_->Suspend();
  ::kill(::getpid(), SIGSTOP);
  // Here when SIGCONT came.
  if (raw_ != nullptr) raw_->Resume();
}

void ProcessSession::SendSize() {
  v1::ResizeTerminalRequest request;
  request.set_sandbox_id(sandbox_id_);
  request.set_process_id(process_id());
  if (request.process_id().empty()) return;
  *request.mutable_size() = TerminalSize(STDIN_FILENO);
  grpc::ClientContext call;
  SetDeadline(call, kSignalTimeout);
  v1::ResizeTerminalResponse response;
  // A size that does not arrive is not worth a line across the screen.
  client_.processes().ResizeTerminal(&call, request, &response);
}

void ProcessSession::Leave(int signal) {
  std::lock_guard<std::mutex> lock(mutex_);
  left_ = true;
  if (signal_ == 0) signal_ = signal;
  call_.TryCancel();
}

std::string ProcessSession::process_id() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return process_id_;
}

}  // namespace warren
