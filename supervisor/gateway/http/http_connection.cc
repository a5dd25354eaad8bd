#include "supervisor/gateway/http/http_connection.h"

#include <atomic>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/gateway/http/limits.h"

namespace warren {
namespace {

namespace http = boost::beast::http;

HttpRefusal BadRequest(std::string why) { return {HttpStatus::bad_request, std::move(why)}; }

HttpRefusal RefusalOf(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {HttpStatus::request_header_fields_too_large,
            absl::StrCat("a request's line and headers have at most ", kMaxHeaderBytes, " bytes")};
  }
  return BadRequest(absl::StrCat("this is no HTTP request: ", error.message()));
}

// What is wrong with a request's headers as a whole; status ok: nothing.
HttpRefusal CheckRequest(const HttpFields& fields, unsigned version) {
  size_t count = 0;
  for (const auto& field : fields) {
    if (++count > kMaxHeaders) {
      return {HttpStatus::request_header_fields_too_large,
              absl::StrCat("a request has at most ", kMaxHeaders, " headers")};
    }
    if (field.name_string().find_first_of(" \t") != boost::beast::string_view::npos)
      return BadRequest("a header's name ends with a blank");
  }
  if (fields.count(http::field::host) > 1) return BadRequest("more than one Host header");
  if (version >= 11 && fields.count(http::field::host) == 0) return BadRequest("no Host header");
  // Beast refuses both of them together, and more than one of either.
  auto encoding = fields.find(http::field::transfer_encoding);
  if (encoding != fields.end()) {
    const auto value = encoding->value();
    if (version < 11 ||
        !absl::EqualsIgnoreCase(absl::string_view(value.data(), value.size()), "chunked"))
      return BadRequest("the only Transfer-Encoding that is taken is \"chunked\"");
    if (fields.count(http::field::content_length) > 0)
      return BadRequest("a body has a Content-Length or a Transfer-Encoding, not both");
  }
  return {};
}

}  // namespace

Async<void> HttpConnection::Serve(const std::atomic<bool>& stopping) {
  link_.Within(kHeaderTime);
  const bool begun = co_await link_.Handshake();
  bool more = begun;
  while (more && !stopping) more = co_await ServeOne();
  if (link_.gone()) {
    link_.Abort();
    co_return;
  }
  co_await Linger();
  link_.Close();
}

Async<HttpConnection::Headers> HttpConnection::ReadHeaders(Exchange::Parser& parser,
                                                           HttpRefusal& refusal) {
  parser.header_limit(kMaxHeaderBytes);
  // What is read of the body is bounded by who reads it.
  parser.body_limit(boost::none);
  bool waiting = link_.input().size() == 0;
  link_.Within(waiting && served_ ? kIdleTime : kHeaderTime);
  if (waiting) link_.BeginIdle();
  for (;;) {
    if (link_.input().size() > 0) {
      boost::system::error_code error;
      link_.input().consume(parser.put(link_.input().data(), error));
      if (parser.is_header_done()) break;
      if (error && error != http::error::need_more) {
        refusal = RefusalOf(error);
        co_return Headers::kRefused;
      }
      if (link_.input().size() > kMaxHeaderBytes) {
        refusal = RefusalOf(http::error::header_limit);
        co_return Headers::kRefused;
      }
    }
    const bool filled = co_await link_.Fill();
    if (!filled) co_return Headers::kGone;
    if (!std::exchange(waiting, false)) continue;
    link_.EndIdle();
    link_.Within(kHeaderTime);
  }
  link_.WithoutLimit();
  served_ = true;
  refusal = CheckRequest(parser.get().base(), parser.get().version());
  // "*", a whole URL, a name of a host: for proxies.
  if (refusal.status == HttpStatus::ok && !parser.get().target().starts_with('/'))
    refusal = BadRequest("the request's target is no path");
  co_return refusal.status == HttpStatus::ok ? Headers::kRead : Headers::kRefused;
}

Async<bool> HttpConnection::ServeOne() {
  Exchange::Parser parser;
  HttpRefusal refusal;
  const Headers headers = co_await ReadHeaders(parser, refusal);
  if (headers == Headers::kGone) {
    link_.Abort();
    co_return false;
  }
  if (headers == Headers::kRefused) {
    co_await Refuse(refusal);
    co_return false;
  }
  const auto target = parser.get().target();
  Exchange exchange(link_, parser, ParseTarget({target.data(), target.size()}), memory_);
  co_await handler_(exchange);
  co_return co_await exchange.Settle();
}

Async<void> HttpConnection::Refuse(const HttpRefusal& refusal) {
  const std::string answer =
      absl::StrCat("HTTP/1.1 ", static_cast<unsigned>(refusal.status), " ",
                   std::string(http::obsolete_reason(refusal.status)),
                   "\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ",
                   refusal.why.size() + 1, "\r\n\r\n", refusal.why, "\n");
  link_.Within(kStallTime);
  const absl::string_view parts[] = {answer};
  co_await link_.Write(parts);
}

Async<void> HttpConnection::Linger() {
  link_.Finish();
  link_.Within(kLingerTime);
  for (size_t seen = 0; seen < kLingerBytes;) {
    link_.input().consume(link_.input().size());
    const bool filled = co_await link_.Fill();
    if (!filled) break;
    seen += link_.input().size();
  }
}

}  // namespace warren
