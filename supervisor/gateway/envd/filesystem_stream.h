#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_STREAM_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_STREAM_H_

#include <memory>
#include <optional>
#include <utility>

#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "supervisor/gateway/http/waker.h"

namespace warren {

// What the backend streams to a handler by a SinkQueue. Its destruction cancels an operation that
// has not come to its end; what that still says is dropped.
//
// On the exchange's strand, which outlives it. Lifecycle: constructor → queue()->Attach → Next*.
template <class Queue>
class BackendStream {
 public:
  using Item = typename Queue::Item;

  explicit BackendStream(Exchange& exchange)
      : exchange_(exchange),
        waker_(std::make_shared<Waker>(exchange.signal())),
        queue_(std::make_shared<Queue>(&exchange.memory(), [waker = waker_] { waker->Notify(); })) {
  }
  ~BackendStream() {
    waker_->Stop();
    if (!ended_) queue_->Cancel();
    queue_->Close();
  }
  BackendStream(const BackendStream&) = delete;
  BackendStream& operator=(const BackendStream&) = delete;

  // The sink of the operation.
  const std::shared_ptr<Queue>& queue() const { return queue_; }

  // Nothing: it is `until`, or the client has gone.
  Async<std::optional<Item>> Next(SteadyTime until) {
    while (!exchange_.client_gone()) {
      std::optional<Item> item = queue_->Take();
      if (item) {
        ended_ = item->last;
        co_return item;
      }
      const bool woken = co_await exchange_.signal()->WaitUntil(until);
      if (!woken && std::chrono::steady_clock::now() >= until) break;
    }
    co_return std::nullopt;
  }

 private:
  Exchange& exchange_;
  const std::shared_ptr<Waker> waker_;
  const std::shared_ptr<Queue> queue_;
  bool ended_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_STREAM_H_
