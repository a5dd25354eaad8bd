#include "supervisor/gateway/envd/process_stream.h"

#include <algorithm>
#include <utility>

#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/process_convert.h"

namespace warren {

ProcessStream::ProcessStream(Exchange& exchange, ConnectStream& stream,
                             std::shared_ptr<SandboxHandle> sandbox, ProcessCall call,
                             SteadyTime::duration keepalive)
    : exchange_(exchange),
      stream_(stream),
      sandbox_(std::move(sandbox)),
      call_(call),
      keepalive_(keepalive),
      waker_(std::make_shared<Waker>(exchange.signal())),
      queue_(std::make_shared<ProcessQueue>(&exchange.memory(),
                                            [waker = waker_] { waker->Notify(); })),
      next_keepalive_(std::chrono::steady_clock::now() + keepalive) {}

ProcessStream::~ProcessStream() {
  waker_->Stop();
  if (!drained_) queue_->Disconnect();
  queue_->Close();
}

Async<void> ProcessStream::Run(SteadyTime until) {
  exchange_.WatchClient();
  for (;;) {
    const bool over = co_await SendAll();
    if (over) break;
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) {
      const absl::Status late = absl::DeadlineExceededError(
          "the time that this request gave itself is over "
          "(Connect-Timeout-Ms); the process goes on");
      co_await EndWith(late);
      break;
    }
    if (now >= next_keepalive_) {
      const bool sent = co_await SendKeepalive();
      if (!sent) break;
    }
    co_await exchange_.signal()->WaitUntil(std::min(next_keepalive_, until));
    if (exchange_.client_gone()) break;
  }
}

Async<bool> ProcessStream::SendAll() {
  while (auto item = queue_->Take()) {
    drained_ = item->last;
    if (item->ended) {
      absl::Status status = std::move(item->status);
      if (call_ == ProcessCall::kStart && exchange_.answered() == 0) status = ToStartError(status);
      co_await EndWith(status);
      co_return true;
    }
    if (item->event.has_exited()) {
      co_await SendExit(item->event.exited().termination());
      co_return true;
    }
    const auto message = ToProcessEvent(std::move(item->event));
    if (!message) continue;
    const bool sent = co_await stream_.Send(*message);
    if (!sent) co_return true;
    next_keepalive_ = std::chrono::steady_clock::now() + keepalive_;
  }
  co_return false;
}

Async<void> ProcessStream::SendExit(const v1::Termination& termination) {
  if (termination.kind() == v1::Termination::TIMED_OUT) {
    const absl::Status late = absl::DeadlineExceededError(
        "the process ran to the time that its start gave it (Connect-Timeout-Ms), and was killed");
    co_await EndWith(late);
    co_return;
  }
  if (termination.kind() != v1::Termination::EXITED) {
    // It may have gone with its sandbox, which is told otherwise.
    const bool there = co_await SandboxDoor::IsThere(sandbox_);
    if (!there) {
      co_await CutOff();
      co_return;
    }
  }
  const e2b::ProcessEventResponse end = ToProcessEnd(termination);
  const bool sent = co_await stream_.Send(end);
  if (!sent) co_return;
  const absl::Status well;
  co_await stream_.End(well);
}

Async<void> ProcessStream::EndWith(const absl::Status& status) {
  const bool there = co_await SandboxDoor::IsThere(sandbox_);
  if (!there) {
    co_await CutOff();
    co_return;
  }
  co_await stream_.End(status);
}

Async<bool> ProcessStream::SendKeepalive() {
  next_keepalive_ = std::chrono::steady_clock::now() + keepalive_;
  // The first event says that it has started, whatever that takes.
  if (exchange_.answered() == 0) co_return true;
  e2b::ProcessEventResponse message;
  message.mutable_event()->mutable_keepalive();
  co_return co_await stream_.Send(message);
}

Async<void> ProcessStream::CutOff() {
  if (exchange_.answered() == 0) {
    co_await AnswerSandboxGone(exchange_, sandbox_->id());
  } else {
    exchange_.Hangup();
  }
}

}  // namespace warren
