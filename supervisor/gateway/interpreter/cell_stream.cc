#include "supervisor/gateway/interpreter/cell_stream.h"

#include <utility>

#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/http/limits.h"

namespace warren {

CellStream::CellStream(Exchange& exchange, std::shared_ptr<SandboxHandle> sandbox,
                       SteadyTime::duration keepalive)
    : exchange_(exchange),
      sandbox_(std::move(sandbox)),
      keepalive_(keepalive),
      waker_(std::make_shared<Waker>(exchange.signal())),
      queue_(
          std::make_shared<EventQueue>(&exchange.memory(), [waker = waker_] { waker->Notify(); })),
      next_keepalive_(std::chrono::steady_clock::now() + keepalive) {}

CellStream::~CellStream() {
  waker_->Stop();
  if (!drained_) queue_->Disconnect();
  queue_->Close();
}

Async<void> CellStream::Run() {
  exchange_.WatchClient();
  for (;;) {
    const Progress progress = co_await SendAll();
    if (progress == Progress::kOver) break;
    if (std::chrono::steady_clock::now() >= next_keepalive_) {
      const bool sent = co_await SendKeepalive();
      if (!sent) break;
    }
    co_await exchange_.signal()->WaitUntil(next_keepalive_);
    if (exchange_.client_gone()) break;
  }
}

Async<CellStream::Progress> CellStream::SendAll() {
  while (auto item = queue_->Take()) {
    drained_ = item->last;
    if (item->ended) {
      co_await EndWith(item->status);
      co_return Progress::kOver;
    }
    if (drained_ && !item->event.finished().termination().context_alive()) {
      // It may have gone with its sandbox, which is told otherwise.
      const bool there = co_await SandboxDoor::IsThere(sandbox_);
      if (!there) {
        exchange_.Hangup();
        co_return Progress::kOver;
      }
    }
    const bool more = item->more;
    lines_.Add(std::move(item->event), pending_);
    if (more && !drained_ && pending_.size() < kPieceBytes) continue;
    const bool sent = co_await Flush();
    if (!sent) co_return Progress::kOver;
    if (!drained_) continue;
    co_await exchange_.End();
    co_return Progress::kOver;
  }
  co_return Progress::kGoesOn;
}

Async<void> CellStream::EndWith(const absl::Status& status) {
  const bool there = co_await SandboxDoor::IsThere(sandbox_);
  if (!there) {
    exchange_.Hangup();
  } else if (exchange_.answered() == 0 && pending_.empty()) {
    co_await exchange_.Answer(HttpStatusOf(status), kPlainText, status.message());
  } else {
    lines_.AddFailure(status.message(), pending_);
    const bool sent = co_await Flush();
    if (sent) co_await exchange_.End();
  }
}

Async<bool> CellStream::SendKeepalive() {
  pending_ += kKeepaliveLine;
  co_return co_await Flush();
}

Async<bool> CellStream::Flush() {
  next_keepalive_ = std::chrono::steady_clock::now() + keepalive_;
  const bool begun = co_await BeginOnce();
  if (!begun) co_return false;
  const std::string piece = std::exchange(pending_, {});
  co_return co_await exchange_.Write(piece);
}

Async<bool> CellStream::BeginOnce() {
  if (exchange_.answered() != 0) co_return true;
  co_return co_await exchange_.Begin(HttpStatus::ok, kJsonType);
}

}  // namespace warren
