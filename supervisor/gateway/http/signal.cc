#include <boost/asio/as_tuple.hpp>

#include "supervisor/gateway/http/async.h"

namespace warren {

void Signal::Notify() {
  boost::asio::post(timer_.get_executor(), [self = shared_from_this()] { self->Wake(); });
}

void Signal::Wake() {
  woken_ = true;
  timer_.cancel();
}

Async<bool> Signal::WaitUntil(SteadyTime until) {
  if (!std::exchange(woken_, false)) {
    timer_.expires_at(until);
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return std::exchange(woken_, false);
  }
  co_return true;
}

}  // namespace warren
