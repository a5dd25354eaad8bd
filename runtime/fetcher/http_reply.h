#ifndef WARREN_RUNTIME_FETCHER_HTTP_REPLY_H_
#define WARREN_RUNTIME_FETCHER_HTTP_REPLY_H_

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/fetcher/client_stream.h"

namespace warren {

using HttpRequest = boost::beast::http::request<boost::beast::http::empty_body>;

// What a connection is after an answer.
enum class HttpOutcome {
  kGoesOn,
  // All was said, and the connection ends in order.
  kEnds,
  // It has failed, or must end with a reset.
  kBroken,
};

// A short answer, made whole before it is sent.
struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  // Of a redirect.
  std::string location;
  // In place of the status's own phrase; empty for that.
  std::string phrase;
  // The connection ends with it, whatever the request says.
  bool closes = false;
};

// One that says why it is not what was asked for: in its body and, for programs that show no more,
// in its first line.
HttpReply ErrorReply(int status, absl::string_view reason);

HttpOutcome SendReply(const HttpRequest& request, HttpReply reply, ClientStream& stream);

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_HTTP_REPLY_H_
