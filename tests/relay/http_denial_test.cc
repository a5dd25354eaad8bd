#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/relay/http_requests.h"

namespace warren {
namespace {

namespace http = boost::beast::http;
using testing::HasSubstr;
using testing::StartsWith;

http::response<http::string_body> Parse(const std::string& bytes) {
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  boost::beast::error_code error;
  EXPECT_EQ(parser.put(boost::asio::buffer(bytes), error), bytes.size());
  EXPECT_FALSE(error) << error.message();
  EXPECT_TRUE(parser.is_done());
  return parser.release();
}

TEST(HttpDenialTest, SaysWhyInItsFirstLineAndItsBody) {
  const std::string bytes = DenialResponse(403, "evil.example:80 is not allowed");
  EXPECT_THAT(bytes,
              StartsWith("HTTP/1.1 403 Forbidden by Warren: evil.example:80 is not allowed\r\n"));
  const auto response = Parse(bytes);
  EXPECT_EQ(response.body(), "Forbidden by Warren: evil.example:80 is not allowed\n");
  EXPECT_FALSE(response.keep_alive());
  EXPECT_EQ(response[http::field::content_type], "text/plain");
  EXPECT_EQ(response[http::field::content_length], std::to_string(response.body().size()));
  EXPECT_THAT(DenialResponse(502, "nobody answers"),
              StartsWith("HTTP/1.1 502 Bad Gateway by Warren: nobody answers\r\n"));
}

TEST(HttpDenialTest, AReasonIsOneLine) {
  const auto response = Parse(DenialResponse(403, std::string("a\r\nX: y\0\xc3\xa4\x7f", 11)));
  EXPECT_EQ(response.reason(), "Forbidden by Warren: a  X: y ?? ");
  EXPECT_EQ(response.count("X"), 0u);
}

TEST(HttpDenialTest, TheFirstLineIsCut) {
  const auto response = Parse(DenialResponse(403, std::string(5000, 'x')));
  EXPECT_EQ(response.reason().size(), 120u);
  EXPECT_THAT(response.body(), HasSubstr(std::string(5000, 'x')));
}

TEST(HttpLikenessTest, RequestsAreAlike) {
  for (const std::string& line :
       {std::string("GET / HTTP/1.1"), std::string("POST /x HTTP/1.0"),
        std::string("M-SEARCH * HTTP/1.1"), std::string("FROBNICATE / HTTP/1.1"),
        std::string("CONNECT a:1 HTTP/1.1"), std::string("PRI * HTTP/2.0"),
        std::string("GET\t/ http/1.1"), std::string("\r\n\r\nGET / HTTP/1.1"),
        std::string(" \tGET / HTTP/1.1"), std::string("GET /\0 HTTP/1.1", 15)}) {
    const std::string bytes = absl::StrCat(line, "\r\n");
    EXPECT_EQ(LooksLikeHttp(bytes), HttpLikeness::kYes) << line;
    bool decided = false;
    for (size_t size = 0; size < bytes.size(); ++size) {
      const HttpLikeness likeness = LooksLikeHttp(absl::string_view(bytes).substr(0, size));
      decided = decided || likeness == HttpLikeness::kYes;
      ASSERT_EQ(likeness, decided ? HttpLikeness::kYes : HttpLikeness::kNeedMore) << line << size;
    }
  }
}

// Whole lines: servers take tokens for methods, older blanks between words, and no version.
TEST(HttpLikenessTest, WhatSomeServersTakeIsToo) {
  for (const std::string& line :
       {std::string("get / HTTP/1.1"), std::string("M1 / HTTP/1.1"), std::string("x!y / HTTP/1.1"),
        std::string("GET\x0b/ HTTP/1.1"), std::string("GET\x0c/ HTTP/1.1"),
        std::string("GET http://evil.example/ "), std::string("GET /secret"),
        std::string("get HTTPS://evil.example/"), std::string("0032git-upload-pack / HTTP/1.1")}) {
    EXPECT_EQ(LooksLikeHttp(absl::StrCat(line, "\r\n")), HttpLikeness::kYes) << line;
  }
}

TEST(HttpLikenessTest, OtherProtocolsAreNot) {
  for (const std::string& text :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("\x16\x03\x01"), std::string("ping"),
        std::string("EHLO example.com\r\n"), std::string("CONNECT {\"verbose\":false}\r\n"),
        std::string("SUBSCRIBE\n"), std::string("OPTIONS rtsp://a/b RTSP/1.0\r\n"),
        std::string("PING\r\n"), std::string("*1\r\n$4\r\nPING\r\n"), std::string("get key\r\n"),
        std::string("AMQP\0\0\x09\x01", 8), std::string("\0\0\0\x08", 4),
        std::string("0032git-upload-pack /project.git\0host=example.com\0", 51),
        std::string("hello world"), std::string("USER a\n/ HTTP/1.1")}) {
    EXPECT_EQ(LooksLikeHttp(text), HttpLikeness::kNo) << text;
  }
}

TEST(HttpLikenessTest, WhatDoesNotEndIsTakenForOne) {
  const std::string line = absl::StrCat("GET /", std::string(kMaxHttpHead, 'x'));
  EXPECT_EQ(LooksLikeHttp(absl::string_view(line).substr(0, kMaxHttpHead - 1)),
            HttpLikeness::kNeedMore);
  EXPECT_EQ(LooksLikeHttp(line), HttpLikeness::kYes);
}

}  // namespace
}  // namespace warren
