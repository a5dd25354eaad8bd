#ifndef WARREN_SUPERVISOR_GATEWAY_PORTS_UPSTREAM_H_
#define WARREN_SUPERVISOR_GATEWAY_PORTS_UPSTREAM_H_

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/transport.h"

namespace warren {

// A program in a sandbox that is asked by HTTP: one request, one answer. All that comes from it is
// a stranger's word.
//
// On a connection's strand; held by shared_ptr, for whoever notices that the client has gone aborts
// it. Lifecycle: Open → Write* → ReadHead → ReadPiece*; or, once it has changed to another
// protocol, Write and ReadRaw.
class Upstream {
 public:
  using Parser = boost::beast::http::response_parser<boost::beast::http::buffer_body>;

  // INTERNAL where there is no descriptor left.
  static absl::StatusOr<std::shared_ptr<Upstream>> Open(const boost::asio::any_io_executor& strand,
                                                        std::unique_ptr<PortConnection> connection);
  Upstream(const boost::asio::any_io_executor& strand, std::unique_ptr<PortConnection> connection,
           UniqueFd socket)
      : connection_(std::move(connection)), transport_(strand, std::move(socket), nullptr) {}

  // False: it is gone.
  Async<bool> Write(absl::string_view bytes);
  // The head of its answer, 1xx but 101 left out. UNAVAILABLE where what comes is none.
  Async<absl::Status> ReadHead(bool answers_head);
  const Parser& answer() const { return *parser_; }
  // Empty: the answer is whole. UNAVAILABLE: it was cut off.
  Async<absl::StatusOr<std::string>> ReadPiece();
  // Whatever comes; empty: the end.
  Async<std::string> ReadRaw();
  void Abort() { transport_.End(Transport::Ending::kReset); }

 private:
  Async<bool> Fill();

  // Closed behind the transport, whose socket is a copy of its own.
  const std::unique_ptr<PortConnection> connection_;
  Transport transport_;
  boost::beast::flat_buffer input_;
  std::optional<Parser> parser_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_PORTS_UPSTREAM_H_
