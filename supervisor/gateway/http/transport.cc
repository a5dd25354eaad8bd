#include "supervisor/gateway/http/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace warren {
namespace {

namespace asio = boost::asio;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

// A connection on which nothing moves is probed, and ended where nobody answers.
constexpr int kProbeAfterSeconds = 60;
constexpr int kProbeAgainSeconds = 20;
constexpr int kProbes = 6;

int FamilyOf(int fd) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof(family);
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

}  // namespace

Transport::Transport(const asio::any_io_executor& strand, UniqueFd socket, asio::ssl::context* tls)
    : socket_(strand) {
  const int family = FamilyOf(socket.get());
  if (family != AF_UNIX) {
    // Answers are written whole: nothing is gained by waiting for more.
    int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    // A client that has gone without a word, or whose machine has, is noticed all the same.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, &kProbeAfterSeconds, sizeof(int));
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL, &kProbeAgainSeconds, sizeof(int));
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof(int));
  }
  boost::system::error_code error;
  const int fd = socket.release();
  socket_.assign(asio::generic::stream_protocol(family, SOCK_STREAM), fd, error);
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

Async<bool> Transport::Handshake() {
  if (!tls_) co_return true;
  auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kTuple);
  co_return !error;
}

Async<size_t> Transport::Read(asio::mutable_buffer into) {
  if (tls_) {
    auto [error, size] = co_await tls_->async_read_some(into, kTuple);
    co_return error ? 0 : size;
  }
  auto [error, size] = co_await socket_.async_read_some(into, kTuple);
  co_return error ? 0 : size;
}

Async<void> Transport::AwaitBreak() {
  co_await socket_.async_wait(asio::socket_base::wait_error, kTuple);
}

Async<bool> Transport::Write(std::span<const absl::string_view> parts) {
  std::array<asio::const_buffer, kMaxParts> buffers;
  size_t count = 0;
  for (absl::string_view part : parts) {
    if (count < kMaxParts && !part.empty())
      buffers[count++] = asio::const_buffer(part.data(), part.size());
  }
  const std::span<const asio::const_buffer> all(buffers.data(), count);
  if (tls_) {
    auto [error, size] = co_await asio::async_write(*tls_, all, kTuple);
    co_return !error;
  }
  auto [error, size] = co_await asio::async_write(socket_, all, kTuple);
  co_return !error;
}

void Transport::Finish() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void Transport::End(Ending how) {
  boost::system::error_code ignored;
  // A reset, where there is TCP: an end without one would look like the end of the answer.
  if (how == Ending::kReset) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace warren
