#include "runtime/fetcher/client_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>

namespace warren {
namespace {

using boost::system::error_code;

constexpr size_t kLingerBytes = 1 << 20;

error_code FromErrno(int number) { return {number, boost::system::system_category()}; }

}  // namespace

bool ClientStream::IsGone() const {
  pollfd look = {fd_, POLLRDHUP, 0};
  return ::poll(&look, 1, 0) > 0;
}

void ClientStream::Reset() {
  const linger now = {1, 0};
  const int ignored = ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  (void)ignored;
}

void ClientStream::Linger(std::chrono::milliseconds time) {
  ::shutdown(fd_, SHUT_WR);
  ReadWithin(time);
  char bytes[4096];
  for (size_t discarded = 0; discarded < kLingerBytes;) {
    ErrorCode error;
    discarded += Read(bytes, sizeof(bytes), error);
    if (error) return;
  }
}

bool ClientStream::Wait(short events, MonotonicTime until) const {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - MonotonicClock::now());
    pollfd wait = {fd_, events, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

size_t ClientStream::Read(void* data, size_t size, ErrorCode& error) {
  while (true) {
    const ssize_t got = ::recv(fd_, data, size, MSG_DONTWAIT);
    if (got > 0) error = {};
    if (got == 0) error = boost::asio::error::eof;
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      error = FromErrno(errno);
      return 0;
    }
    if (!Wait(POLLIN, read_until_)) {
      error = boost::asio::error::timed_out;
      return 0;
    }
  }
}

size_t ClientStream::Write(std::span<iovec> parts, ErrorCode& error) {
  msghdr message = {};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  while (true) {
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      error = {};
      return static_cast<size_t>(sent);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      error = FromErrno(errno);
      return 0;
    }
    if (!Wait(POLLOUT, MonotonicClock::now() + stall_)) {
      error = boost::asio::error::timed_out;
      return 0;
    }
  }
}

}  // namespace warren
