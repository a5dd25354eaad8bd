#include "supervisor/gateway/http/client_link.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "supervisor/gateway/http/limits.h"

namespace warren {
namespace {

// While requests and bodies come; while nothing should come, a request ahead of its time.
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kReadBesideBytes = 512;
constexpr size_t kMaxInput = kMaxHeaderBytes + kReadBytes;

}  // namespace

ClientLink::ClientLink(const boost::asio::any_io_executor& strand, UniqueFd socket,
                       boost::asio::ssl::context* tls, double pace)
    : strand_(strand),
      pace_(pace),
      transport_(strand, std::move(socket), tls),
      input_(kMaxInput),
      read_(std::make_shared<Signal>(strand)),
      alarm_(strand) {}

void ClientLink::Start() {
  boost::asio::co_spawn(
      strand_, [self = shared_from_this()] { return self->Guard(); }, boost::asio::detached);
}

Async<void> ClientLink::Guard() {
  while (!ended_) {
    if (std::chrono::steady_clock::now() >= deadline_) {
      Abort();
      break;
    }
    // Where the deadline moved away meanwhile it is only looked at again.
    alarm_.expires_at(deadline_);
    co_await alarm_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
}

void ClientLink::Within(absl::Duration time) {
  deadline_ = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(time * pace_);
  if (deadline_ < alarm_.expiry()) alarm_.cancel();
}

void ClientLink::Abort() {
  ended_ = true;
  gone_ = true;
  alarm_.cancel();
  transport_.Abort();
  if (watcher_ != nullptr) watcher_->Wake();
}

Async<bool> ClientLink::ReadOnce() {
  const size_t size = reading_ ? kReadBesideBytes : kReadBytes;
  const size_t room = std::min(size, kMaxInput - input_.size());
  if (room == 0) co_return false;
  const size_t count = co_await transport_.Read(input_.prepare(room));
  input_.commit(count);
  if (count == 0) gone_ = true;
  co_return count > 0;
}

Async<bool> ClientLink::Fill() {
  const size_t before = input_.size();
  while (reading_) co_await read_->WaitUntil(SteadyTime::max());
  if (input_.size() > before) co_return true;
  if (gone_) co_return false;
  co_return co_await ReadOnce();
}

Async<bool> ClientLink::Write(std::span<const absl::string_view> parts) {
  if (gone_) co_return false;
  const bool written = co_await transport_.Write(parts);
  if (!written) gone_ = true;
  co_return written;
}

void ClientLink::Watch(std::shared_ptr<Signal> signal) {
  watcher_ = std::move(signal);
  if (gone_) return watcher_->Wake();
  // Who sends the next request before this one is answered has not gone, and is not watched.
  if (reading_ || input_.size() > 0) return;
  reading_ = true;
  // What a request has left of it is more than an idle connection needs.
  input_.shrink_to_fit();
  boost::asio::co_spawn(
      strand_, [self = shared_from_this()] { return self->ReadBeside(); }, boost::asio::detached);
}

Async<void> ClientLink::ReadBeside() {
  co_await ReadOnce();
  reading_ = false;
  read_->Wake();
  if (gone_ && watcher_ != nullptr) watcher_->Wake();
}

}  // namespace warren
