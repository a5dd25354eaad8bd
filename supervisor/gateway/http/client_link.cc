#include "supervisor/gateway/http/client_link.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "supervisor/gateway/http/limits.h"

namespace warren {
namespace {

// While requests and bodies come.
constexpr size_t kReadBytes = 64 << 10;
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
      // What was said whole is not taken back from a client that is slow to read it.
      finished_ ? Close() : Abort();
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

void ClientLink::End(Transport::Ending how) {
  ended_ = true;
  gone_ = true;
  alarm_.cancel();
  transport_.End(how);
  if (watcher_ != nullptr) watcher_->Wake();
}

Async<bool> ClientLink::ReadOnce() {
  const size_t room = std::min(kReadBytes, kMaxInput - input_.size());
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

void ClientLink::Watch(std::shared_ptr<Signal> signal, Expected expected) {
  watcher_ = std::move(signal);
  expected_ = expected;
  if (gone_) return watcher_->Wake();
  if (reading_) return;
  const bool reads = expected == Expected::kNothing && input_.size() < kMaxInput;
  if (!reads && std::exchange(awaiting_break_, true)) return;
  if (reads) {
    reading_ = true;
    // What a request has left of it is more than an idle connection needs.
    input_.shrink_to_fit();
  }
  boost::asio::co_spawn(
      strand_,
      [self = shared_from_this(), reads] {
        return reads ? self->ReadBeside() : self->AwaitBreak();
      },
      boost::asio::detached);
}

Async<void> ClientLink::ReadBeside() {
  // Who sends the next requests before this one is answered may go all the same.
  while (watcher_ != nullptr && expected_ == Expected::kNothing && input_.size() < kMaxInput) {
    // Not into input_: it may be used meanwhile.
    const size_t room = std::min(beside_.size(), kMaxInput - input_.size());
    const size_t count = co_await transport_.Read(boost::asio::buffer(beside_, room));
    if (count == 0) {
      gone_ = true;
      break;
    }
    input_.commit(
        boost::asio::buffer_copy(input_.prepare(count), boost::asio::buffer(beside_, count)));
  }
  reading_ = false;
  read_->Wake();
  if (watcher_ == nullptr) co_return;
  if (gone_) {
    watcher_->Wake();
  } else {
    // There is no room for more, or it is for another to read.
    Watch(std::move(watcher_), Expected::kBody);
  }
}

Async<void> ClientLink::AwaitBreak() {
  co_await transport_.AwaitBreak();
  gone_ = true;
  if (watcher_ != nullptr) watcher_->Wake();
}

}  // namespace warren
