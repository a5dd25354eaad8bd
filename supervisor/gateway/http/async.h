#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_ASYNC_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_ASYNC_H_

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"

namespace warren {

// A coroutine of the gateway's. Each connection has a strand: all its coroutines run there, one at
// a time, on whichever of the gateway's threads is free.
template <class T>
using Async = boost::asio::awaitable<T>;

using SteadyTime = std::chrono::steady_clock::time_point;

// One question to the backend: `start(Reply<T>)` asks it, before this returns, and the answer comes
// here, on the strand. A Reply that is dropped unanswered ends the coroutine that waits, with its
// destructors.
//
// `start` captures by reference alone: g++ 12 copies what an expression with a co_await captures
// bit by bit, and destroys both. For the same reason what such an expression has of `?:` with
// something to destroy is named before it.
template <class T, class Start>
Async<absl::StatusOr<T>> Ask(Start start) {
  static_assert(std::is_trivially_copyable_v<Start>, "capture by reference: [&]");
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&,
                                                 void(absl::StatusOr<T>)>(
      [&start](auto handler) {
        auto executor = boost::asio::get_associated_executor(handler);
        // Posted, even where the answer comes from within the call: a coroutine that is just being
        // suspended cannot be resumed.
        start(Reply<T>([executor, waiting = std::move(handler)](absl::StatusOr<T> answer) mutable {
          boost::asio::post(executor,
                            [waiting = std::move(waiting), answer = std::move(answer)]() mutable {
                              std::move(waiting)(std::move(answer));
                            });
        }));
      },
      boost::asio::use_awaitable);
}

// Wakes the one coroutine that waits for something: an event of the backend's, the client's going.
// A wake that finds nobody waiting is kept for the next who does, once.
//
// Notify is for any thread, and may be called with the backend's locks held; the rest is the
// strand's. Held by shared_ptr: who notifies may outlive who waits.
class Signal : public std::enable_shared_from_this<Signal> {
 public:
  explicit Signal(const boost::asio::any_io_executor& strand) : timer_(strand) {}

  void Notify();
  // On the strand: the same without the way round.
  void Wake();
  // True: it was woken. False: it is `until`.
  Async<bool> WaitUntil(SteadyTime until);

 private:
  boost::asio::steady_timer timer_;
  bool woken_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_ASYNC_H_
