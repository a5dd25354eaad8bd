#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_ASK_WHILE_THERE_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_ASK_WHILE_THERE_H_

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "supervisor/gateway/http/waker.h"

namespace warren {

// As Ask, of a question whose answer may never come: a client that goes meanwhile is not waited
// for, which is CANCELLED, and what is answered then is dropped.
template <class T, class Start>
Async<absl::StatusOr<T>> AskWhileThere(Exchange& exchange, Start start) {
  static_assert(std::is_trivially_copyable_v<Start>, "capture by reference: [&]");
  struct Answer {
    explicit Answer(std::shared_ptr<Signal> signal) : waker(std::move(signal)) {}
    Waker waker;
    Mutex mu;
    std::optional<absl::StatusOr<T>> said ABSL_GUARDED_BY(mu);
  };
  auto answer = std::make_shared<Answer>(exchange.signal());
  exchange.WatchClient();
  start(Reply<T>([answer](absl::StatusOr<T> said) {
    {
      MutexLock lock(&answer->mu);
      answer->said = std::move(said);
    }
    answer->waker.Notify();
  }));
  while (!exchange.client_gone()) {
    {
      MutexLock lock(&answer->mu);
      if (answer->said) break;
    }
    co_await exchange.signal()->WaitUntil(SteadyTime::max());
  }
  exchange.UnwatchClient();
  answer->waker.Stop();
  MutexLock lock(&answer->mu);
  if (!answer->said) co_return absl::CancelledError("the client has gone");
  co_return *std::move(answer->said);
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_ASK_WHILE_THERE_H_
