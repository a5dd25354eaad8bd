#include "tests/gateway/gateway_testing.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

namespace http = boost::beast::http;

}  // namespace

TestClient::TestClient(HttpServer& server) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) abort();
  socket_ = UniqueFd(ends[0]);
  const timeval limit = absl::ToTimeval(Patience());
  ::setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  server.AddConnection(UniqueFd(ends[1]), Security::kPlain);
}

void TestClient::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

std::string TestClient::Receive() {
  if (!ahead_.empty()) return std::exchange(ahead_, {});
  char bytes[65536];
  const ssize_t n = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
  return n <= 0 ? std::string() : std::string(bytes, static_cast<size_t>(n));
}

HttpAnswer TestClient::ReadAnswer() {
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  parser.eager(true);
  std::string input;
  HttpAnswer answer;
  while (!parser.is_done()) {
    const std::string more = Receive();
    if (more.empty()) {
      // Beast would call the end of nothing a message.
      if (!parser.got_some()) return answer;
      boost::system::error_code error;
      parser.put_eof(error);
      break;
    }
    input += more;
    boost::system::error_code error;
    const size_t used = parser.put(boost::asio::buffer(input), error);
    input.erase(0, used);
    if (error && error != http::error::need_more) break;
  }
  ahead_ = std::move(input);
  if (!parser.is_header_done()) return answer;
  const auto& message = parser.get();
  answer.status = message.result_int();
  for (const auto& field : message) {
    answer.headers[absl::AsciiStrToLower(std::string(field.name_string()))] =
        std::string(field.value());
  }
  answer.body = message.body();
  answer.whole = parser.is_done();
  return answer;
}

void TestClient::SendRequest(absl::string_view method, absl::string_view target,
                             const std::map<std::string, std::string>& headers,
                             absl::string_view body) {
  std::string request = absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: warren.test\r\n");
  for (const auto& [name, value] : headers) absl::StrAppend(&request, name, ": ", value, "\r\n");
  if (!body.empty()) absl::StrAppend(&request, "Content-Length: ", body.size(), "\r\n");
  absl::StrAppend(&request, "\r\n", body);
  Send(request);
}

HttpAnswer TestClient::Ask(absl::string_view method, absl::string_view target,
                           const std::map<std::string, std::string>& headers,
                           absl::string_view body) {
  SendRequest(method, target, headers, body);
  return ReadAnswer();
}

std::string Pack(absl::string_view plain) {
  auto gzip = Gzip::Make();
  std::string packed = gzip->Add(plain);
  packed += gzip->Finish();
  return packed;
}

TestServer::TestServer(HttpHandler handler, double pace) {
  auto started = HttpServer::Start(std::move(handler), memory_, pace, nullptr);
  if (!started.ok()) abort();
  server_ = *std::move(started);
}

TestServer::~TestServer() = default;

}  // namespace warren
