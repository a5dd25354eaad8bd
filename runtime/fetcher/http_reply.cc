#include "runtime/fetcher/http_reply.h"

#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/fetcher/refusals.h"

namespace warren {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Of a first line; the body has all.
constexpr size_t kMaxReplyPhrase = 120;
constexpr size_t kMaxReplyReason = 1024;

}  // namespace

HttpReply ErrorReply(int status, absl::string_view reason) {
  const beast::string_view name = http::obsolete_reason(static_cast<http::status>(status));
  HttpReply reply;
  reply.status = status;
  reply.body = absl::StrCat(absl::string_view(name.data(), name.size()),
                            " by Warren: ", PrintableLine(reason, kMaxReplyReason));
  reply.phrase = reply.body.substr(0, kMaxReplyPhrase);
  reply.body += '\n';
  return reply;
}

HttpOutcome SendReply(const HttpRequest& request, HttpReply reply, ClientStream& stream) {
  http::response<http::string_body> response;
  response.version(request.version() == 10 ? 10 : 11);
  response.result(static_cast<unsigned>(reply.status));
  if (!reply.phrase.empty()) response.reason(reply.phrase);
  response.keep_alive(request.keep_alive() && !reply.closes);
  response.set(http::field::content_type, reply.content_type);
  if (!reply.location.empty()) response.set(http::field::location, reply.location);
  response.content_length(reply.body.size());
  if (request.method() != http::verb::head) response.body() = std::move(reply.body);
  beast::error_code error;
  http::response_serializer<http::string_body> serializer(response);
  http::write(stream, serializer, error);
  if (error) return HttpOutcome::kBroken;
  return response.keep_alive() ? HttpOutcome::kGoesOn : HttpOutcome::kEnds;
}

}  // namespace warren
