#ifndef WARREN_RUNTIME_FETCHER_CLIENT_STREAM_H_
#define WARREN_RUNTIME_FETCHER_CLIENT_STREAM_H_

#include <sys/uio.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <span>

#include "runtime/loop/timer_queue.h"

namespace warren {

// A connection of a sandbox's, read and written with time limits: a stream as Boost.Beast's
// synchronous functions take one. Does not own the socket. For one thread.
class ClientStream {
 public:
  using ErrorCode = boost::system::error_code;

  // `stall`: how long one write waits for room.
  ClientStream(int fd, std::chrono::milliseconds stall) : fd_(fd), stall_(stall) {}

  // The other side says no more, or is not there any more: nobody waits for an answer.
  bool IsGone() const;
  // All reads from here on, together, wait so long.
  void ReadWithin(std::chrono::milliseconds time) { read_until_ = MonotonicClock::now() + time; }
  // The other side sees a reset, and knows that what it has is not all.
  void Reset();
  // Says that no more comes, and waits for the other side's end: what was sent reaches it before a
  // reset that unread bytes are answered with.
  void Linger(std::chrono::milliseconds time);

  template <class Buffers>
  size_t read_some(const Buffers& buffers, ErrorCode& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return Read(buffer.data(), buffer.size(), error);
    }
    error = {};
    return 0;
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers, ErrorCode& error) {
    std::array<iovec, kMaxParts> parts;
    size_t count = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers) && count < parts.size(); ++it) {
      const boost::asio::const_buffer buffer(*it);
      if (buffer.size() > 0) parts[count++] = {const_cast<void*>(buffer.data()), buffer.size()};
    }
    error = {};
    return count == 0 ? 0 : Write({parts.data(), count}, error);
  }
  // What Beast's concept asks for besides; nobody calls them.
  template <class Buffers>
  size_t read_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t size = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }
  template <class Buffers>
  size_t write_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t size = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }

 private:
  // Of what is written at once: a head is many parts.
  static constexpr size_t kMaxParts = 64;

  size_t Read(void* data, size_t size, ErrorCode& error);
  size_t Write(std::span<iovec> parts, ErrorCode& error);
  // False when it is not so in time.
  bool Wait(short events, MonotonicTime until) const;

  const int fd_;
  const std::chrono::milliseconds stall_;
  MonotonicTime read_until_ = MonotonicClock::now();
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_CLIENT_STREAM_H_
