#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_TRANSPORT_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_TRANSPORT_H_

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <span>

#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/gateway/http/async.h"

namespace warren {

// A client's connection as bytes: plain, or TLS where a context is given.
//
// On its connection's strand; at most one Read and one Write at a time. Lifecycle: constructor →
// Handshake, where there is TLS → Read*, Write* → Finish → End.
class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  // What one Write takes at most.
  static constexpr size_t kMaxParts = 4;

  // `tls`, where it is given, outlives this.
  Transport(const boost::asio::any_io_executor& strand, UniqueFd socket,
            boost::asio::ssl::context* tls);

  // False: it is no TLS that we can speak.
  Async<bool> Handshake();
  // Bytes that were read; 0: the client has gone, or says no more.
  Async<size_t> Read(boost::asio::mutable_buffer into);
  // Until the connection is broken: reset, or closed in both directions. Beside a Read and a Write.
  Async<void> AwaitBreak();
  // All of it. False: the client has gone.
  Async<bool> Write(std::span<const absl::string_view> parts);

  // Says that no more comes: what was sent arrives before the end.
  void Finish();
  // Closes it at once: what was sent is still delivered, or the client sees that what it has is not
  // all. Reads and writes that are under way end.
  enum class Ending { kClosed, kReset };
  void End(Ending how);
  bool secure() const { return tls_.has_value(); }

 private:
  Socket socket_;
  // Over the socket.
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_TRANSPORT_H_
