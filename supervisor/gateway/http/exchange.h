#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_EXCHANGE_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_EXCHANGE_H_

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/client_link.h"
#include "supervisor/gateway/http/gzip.h"
#include "supervisor/gateway/http/target.h"

namespace warren {

using HttpFields = boost::beast::http::fields;
using HttpStatus = boost::beast::http::status;

// One request of a client and its answer: what a handler is given.
//
// On its connection's strand. The handler takes what it needs of the body, and answers once: whole
// (Answer), or in pieces (Begin, Write*, End), or by Hangup. What it leaves unread of the body is
// read and dropped, or the connection closed.
class Exchange {
 public:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

  // `parser` has read the headers. All outlive it.
  Exchange(ClientLink& link, Parser& parser, absl::StatusOr<Target> target, MemoryBudget& memory);

  // ---- The request
  absl::string_view method() const { return method_; }
  // Empty where target_status() says what is wrong with it: a handler that passes it on need not
  // understand it.
  const Target& target() const { return target_; }
  const absl::Status& target_status() const { return target_status_; }
  // As it came.
  absl::string_view raw_target() const {
    const auto target = parser_.get().target();
    return {target.data(), target.size()};
  }
  const HttpFields& fields() const { return parser_.get().base(); }
  // The first with the name; empty where there is none.
  absl::string_view header(absl::string_view name) const;
  // The connection is TLS.
  bool secure() const { return link_.secure(); }

  // ---- Its body, unpacked where it is gzip
  // The next piece, at most kPieceBytes; empty: that was all. INVALID_ARGUMENT where it is
  // malformed or goes over SetBodyLimit, CANCELLED where the client has gone; once, and it is the
  // last.
  Async<absl::StatusOr<std::string>> ReadPiece();
  // All of it. RESOURCE_EXHAUSTED also where all clients' bodies together take too much memory.
  Async<absl::StatusOr<std::string>> ReadBody(size_t limit);
  static constexpr uint64_t kNoBodyLimit = UINT64_MAX;
  void SetBodyLimit(uint64_t bytes) { body_limit_ = bytes; }
  // It is passed on as it is, packed or not.
  void KeepEncoding() { keeps_encoding_ = true; }

  // ---- The answer
  // Headers beside Content-Length and Transfer-Encoding.
  HttpFields& answer_fields() { return answer_fields_; }
  Async<void> Answer(HttpStatus status, absl::string_view content_type, absl::string_view body);
  // Without a length the answer is chunked, or, for a client of HTTP/1.0, ends with the connection.
  // False, here and below: the client has gone.
  Async<bool> Begin(HttpStatus status, absl::string_view content_type,
                    std::optional<uint64_t> length = std::nullopt);
  Async<bool> Write(absl::string_view piece);
  Async<bool> End();
  // Cuts the connection: the client sees that what it has is not all.
  void Hangup();
  // The status of the answer; 0 before it has begun.
  unsigned answered() const { return answered_; }

  // ---- The client
  // What wakes the handler: whoever it hands it to, and, from WatchClient on, the client's going.
  const std::shared_ptr<Signal>& signal() const { return signal_; }
  // Before the end of its body it is noticed only when the connection is broken.
  void WatchClient();
  // Before more of the body is read.
  void UnwatchClient() { link_.Unwatch(); }
  bool client_gone() const { return link_.gone(); }
  const boost::asio::any_io_executor& strand() const { return link_.strand(); }
  ClientLink& link() { return link_; }
  MemoryBudget& memory() { return memory_; }

  // ---- For the connection, behind the handler
  // Whether another request can follow. Reads what is left of the body, within bounds.
  Async<bool> Settle();

 private:
  bool keep_alive() const { return parser_.get().keep_alive(); }
  // Encoded bytes; empty at the end.
  Async<absl::StatusOr<std::string>> ReadRaw();
  // What they stand for.
  Async<absl::StatusOr<std::string>> ReadUnpacked();
  Async<absl::Status> ContinueIfExpected();
  // The client holds its body back until it is asked for it.
  bool holds_body_back() const;
  // More of what the client sends, in the time that it has for it.
  Async<absl::Status> FillMore();
  // How much room the next of ReadRaw gets.
  size_t NextPieceBytes();
  std::string HeadOf(HttpStatus status, absl::string_view content_type,
                     std::optional<uint64_t> length);
  Async<bool> Send(absl::string_view first, absl::string_view second = {},
                   absl::string_view third = {});

  ClientLink& link_;
  Parser& parser_;
  const std::string method_;
  const absl::Status target_status_;
  const Target target_;
  MemoryBudget& memory_;
  const std::shared_ptr<Signal> signal_;

  uint64_t body_limit_ = 0;
  uint64_t body_bytes_ = 0;
  size_t piece_bytes_ = 4096;
  bool expectation_met_ = false;
  bool body_failed_ = false;
  bool keeps_encoding_ = false;
  std::optional<Gunzip> gunzip_;
  // What gunzip_ is at.
  std::string packed_;
  MemoryCharge charge_;

  HttpFields answer_fields_;
  unsigned answered_ = 0;
  bool chunked_ = false;
  bool whole_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_EXCHANGE_H_
