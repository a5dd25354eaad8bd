#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/relay/http_requests.h"

namespace warren {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: allowed.example\r\n\r\n";
constexpr char kFronted[] = "GET /b HTTP/1.1\r\nHost: evil.example\r\n\r\n";

struct Outcome {
  std::string forwarded;
  HttpGuard::Look last;
};

// As a connection does it, `step` more bytes at a time.
Outcome Feed(HttpGuard guard, absl::string_view bytes, size_t step) {
  Outcome outcome;
  size_t sent = 0;
  for (size_t come = 0; come < bytes.size();) {
    come = std::min(bytes.size(), come + step);
    outcome.last = guard.Next(bytes.substr(sent, come - sent));
    EXPECT_LE(outcome.last.forward, come - sent);
    // It says why it keeps something back.
    EXPECT_EQ(outcome.last.forward < come - sent,
              outcome.last.need_more || !outcome.last.denied.empty());
    absl::StrAppend(&outcome.forwarded, bytes.substr(sent, outcome.last.forward));
    sent += outcome.last.forward;
    if (!outcome.last.denied.empty()) break;
  }
  return outcome;
}

// At once, and in pieces of every kind: it comes to the same.
Outcome Send(absl::string_view bytes, const std::string& host = "allowed.example",
             uint16_t port = 80) {
  Outcome whole = Feed(HttpGuard(host, port), bytes, bytes.size());
  for (size_t step : {1, 2, 3, 7, 50}) {
    const Outcome pieces = Feed(HttpGuard(host, port), bytes, step);
    EXPECT_EQ(pieces.forwarded, whole.forwarded) << step;
    EXPECT_EQ(pieces.last.denied, whole.last.denied) << step;
    EXPECT_EQ(pieces.last.opaque, whole.last.opaque) << step;
  }
  return whole;
}

void ExpectPasses(const std::string& bytes, const std::string& host = "allowed.example",
                  uint16_t port = 80) {
  const Outcome outcome = Send(bytes, host, port);
  EXPECT_THAT(outcome.last.denied, IsEmpty()) << bytes;
  EXPECT_EQ(outcome.forwarded, bytes);
  EXPECT_FALSE(outcome.last.need_more) << bytes;
}

// Nothing of it, that is: it has one head.
void ExpectDenied(const std::string& bytes, const std::string& host = "allowed.example",
                  uint16_t port = 80) {
  const Outcome outcome = Send(bytes, host, port);
  EXPECT_THAT(outcome.last.denied, Not(IsEmpty())) << bytes;
  EXPECT_THAT(outcome.forwarded, IsEmpty()) << bytes;
}

std::string Get(const std::string& fields, const std::string& target = "/",
                const std::string& version = "HTTP/1.1") {
  return absl::StrCat("GET ", target, " ", version, "\r\n", fields, "\r\n");
}
std::string GetWithHost(const std::string& host) {
  return Get(absl::StrCat("Host: ", host, "\r\n"));
}
std::string Post(const std::string& fields, const std::string& body) {
  return absl::StrCat("POST / HTTP/1.1\r\nHost: allowed.example\r\n", fields, "\r\n", body);
}
std::string PostChunked(const std::string& body) {
  return Post("Transfer-Encoding: chunked\r\n", body);
}

TEST(HttpGuardTest, ARequestForTheHostPasses) {
  ExpectPasses(kGet);
  ExpectPasses(GetWithHost("ALLOWED.Example"));
  ExpectPasses(GetWithHost("allowed.example."));
  ExpectPasses(GetWithHost("allowed.example:80"));
  ExpectPasses(GetWithHost("allowed.example"), "allowed.example", 8080);
  ExpectPasses(Get("hOST:allowed.example\t \r\nAccept: */*\r\n"));
  ExpectPasses("OPTIONS * HTTP/1.1\r\nHost: allowed.example\r\n\r\n");
  ExpectPasses("FROBNICATE /x HTTP/1.1\r\nHost: allowed.example\r\n\r\n");
}

TEST(HttpGuardTest, AnAddressIsAHost) {
  ExpectPasses(GetWithHost("203.0.113.7"), "203.0.113.7");
  ExpectPasses(GetWithHost("203.0.113.7:8080"), "203.0.113.7", 8080);
  ExpectPasses(GetWithHost("[2001:DB8:0::1]:80"), "2001:db8::1");
  ExpectDenied(GetWithHost("203.0.113.8"), "203.0.113.7");
  ExpectDenied(GetWithHost("allowed.example"), "203.0.113.7");
  ExpectDenied(GetWithHost("203.0.113.7"));
  ExpectDenied(GetWithHost("2001:db8::1"), "2001:db8::1");
}

TEST(HttpGuardTest, AnotherHostIsDenied) {
  const Outcome outcome = Send(kFronted);
  EXPECT_EQ(outcome.last.denied,
            "the Host of its request is \"evil.example\", but the connection was made to "
            "allowed.example:80");
  for (const std::string& host : {std::string(""),
                                  std::string("allowed.example.evil.example"),
                                  std::string("xallowed.example"),
                                  std::string("allowed.example:8080"),
                                  std::string("allowed.example:"),
                                  std::string("allowed.example:080"),
                                  std::string("allowed.example:65616"),
                                  std::string("allowed.example:80:80"),
                                  std::string("allowed.example, evil.example"),
                                  std::string("allowed.example evil.example"),
                                  std::string("allowed.example@evil.example"),
                                  std::string("evil@allowed.example"),
                                  std::string("allowed.example/"),
                                  std::string("http://allowed.example"),
                                  std::string("allowed.example%0d%0a"),
                                  std::string("allowed%2eexample"),
                                  std::string("allowed.example%00.evil.example"),
                                  std::string("allowed.example\0.evil.example", 29),
                                  std::string("allowed.example#"),
                                  std::string("allowed.example\\evil.example"),
                                  std::string("allowed..example"),
                                  std::string("allowed.example.."),
                                  std::string("\xef\xbd\x81llowed.example"),
                                  std::string(300, 'a')}) {
    ExpectDenied(GetWithHost(host));
  }
}

TEST(HttpGuardTest, OneHost) {
  ExpectDenied(Get(""));
  ExpectDenied(Get("Host: allowed.example\r\nHost: allowed.example\r\n"));
  ExpectDenied(Get("Host: allowed.example\r\nHost: evil.example\r\n"));
  ExpectDenied(Get("Host : allowed.example\r\n"));
  ExpectDenied(Get("Host: allowed.example\r\n : evil.example\r\n"));
}

TEST(HttpGuardTest, Http10NeedsNoHost) {
  ExpectPasses(Get("", "/", "HTTP/1.0"));
  ExpectPasses(Get("Host: allowed.example\r\n", "/", "HTTP/1.0"));
  ExpectDenied(Get("Host: evil.example\r\n", "/", "HTTP/1.0"));
}

TEST(HttpGuardTest, TheTargetAgreesToo) {
  const std::string host = "Host: allowed.example\r\n";
  ExpectPasses(Get(host, "http://allowed.example/x?y=http://evil.example/"));
  ExpectPasses(Get(host, "HTTP://Allowed.Example:80"));
  for (const char* target :
       {"http://evil.example/", "http://allowed@evil.example/",
        "http://allowed.example@evil.example/", "http://allowed.example:8080/",
        "http://evil@allowed.example/", "https://allowed.example/", "http:///x",
        "http:/allowed.example/", "http:allowed.example", "allowed.example", "evil",
        "http://evil.example#@allowed.example/", "http://evil.example\\@allowed.example/",
        "http://allowed.example%2eevil.example/", "ftp://allowed.example/"}) {
    ExpectDenied(Get(host, target));
  }
  // It says the same as the target, and the connection is what counts.
  ExpectDenied(Get("Host: evil.example\r\n", "http://evil.example/"));
  ExpectDenied(Get("Host: evil.example\r\n", "http://allowed.example/"));
  ExpectDenied(Get("", "http://evil.example/", "HTTP/1.0"));
}

TEST(HttpGuardTest, WhatCanBeReadInTwoWaysIsDenied) {
  const std::string host = "Host: allowed.example\r\n";
  ExpectDenied(Get(host + "A: b\r\n c\r\n"));
  ExpectDenied(Get(host + "A:\r\n\tHost: evil.example\r\n"));
  ExpectDenied(Get(host + "A: b\rHost: evil.example\r\n"));
  ExpectDenied(Get(host + "A: b\nHost: evil.example\r\n"));
  ExpectDenied(Get(host + std::string("A: b\0\r\n", 7)));
  ExpectDenied(Get(host + "A b\r\n"));
  ExpectDenied(Get(host + ": b\r\n"));
  ExpectDenied(Get(host, "/a b"));
  ExpectDenied(Get(host, "/\x01"));
  ExpectDenied(Get(host, "/", "HTTP/1.2"));
  ExpectDenied(Get(host, "/", "HTTP/0.9"));
  ExpectDenied(Get(host, "/", "http/1.1"));
  ExpectDenied(absl::StrCat("\r\n", kGet));
  ExpectDenied(absl::StrCat(" ", kGet));
  ExpectDenied("GET /\r\n\r\n");
  ExpectDenied("GET  / HTTP/1.1\r\n" + host + "\r\n");
  ExpectDenied("GET\t/ HTTP/1.1\r\n" + host + "\r\n");
  ExpectDenied("\x16\x03\x01\x01\x01\x01\x01\x01\x01");
}

TEST(HttpGuardTest, OneLength) {
  ExpectPasses(Post("Content-Length: 5\r\n", "hello"));
  ExpectPasses(Post("Content-Length: 0\r\n", ""));
  for (const char* fields :
       {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n", "Content-Length: -5\r\n", "Content-Length: +5\r\n",
        "Content-Length: 5x\r\n", "Content-Length: 0x5\r\n", "Content-Length: \r\n",
        "Content-Length: 18446744073709551615\r\n", "Content-Length: 18446744073709551621\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \x0b"
        "chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n"}) {
    ExpectDenied(Post(fields, ""));
  }
  ExpectDenied("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(HttpGuardTest, BodiesGoAsTheyCome) {
  HttpGuard guard("allowed.example", 80);
  const std::string head = Post("Content-Length: 1000000\r\n", "");
  EXPECT_EQ(guard.Next(head).forward, head.size());
  const std::string part(100000, 'x');
  for (int i = 0; i < 10; ++i) {
    const HttpGuard::Look look = guard.Next(part);
    EXPECT_EQ(look.forward, part.size());
    EXPECT_FALSE(look.need_more);
  }
  EXPECT_THAT(guard.Next(part).denied, Not(IsEmpty()));
}

TEST(HttpGuardTest, ChunksPass) {
  ExpectPasses(PostChunked("0\r\n\r\n"));
  ExpectPasses(PostChunked("5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n"));
  ExpectPasses(PostChunked("5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\nX-Sum: 1\r\nY: 2\r\n\r\n"));
  ExpectPasses(PostChunked(absl::StrCat("186A0\r\n", std::string(100000, 'x'), "\r\n0\r\n\r\n")));
  ExpectPasses(absl::StrCat(PostChunked("1\r\nx\r\n0\r\n\r\n"), kGet));
}

// The next chunk may be long in coming, and the server wait for the end of this one.
TEST(HttpGuardTest, AChunkIsNotHeldForTheNext) {
  HttpGuard guard("allowed.example", 80);
  const std::string begun = PostChunked("5\r\nhello\r\n");
  HttpGuard::Look look = guard.Next(begun);
  EXPECT_EQ(look.forward, begun.size());
  EXPECT_FALSE(look.need_more);
  look = guard.Next("3");
  EXPECT_EQ(look.forward, 0u);
  EXPECT_TRUE(look.need_more);
  look = guard.Next("3\r\nabc\r");
  EXPECT_EQ(look.forward, 6u);
  EXPECT_TRUE(look.need_more);
  EXPECT_EQ(guard.Next("\r\n").forward, 2u);
  EXPECT_EQ(guard.Next("0\r\n\r\n").forward, 5u);
  EXPECT_EQ(guard.Next(kGet).forward, sizeof(kGet) - 1);
}

TEST(HttpGuardTest, ChunksThatAreNotWellFormedAreDenied) {
  for (const char* body : {"5\r\nhelloXX0\r\n\r\n",
                           "5\r\nhello\n0\r\n\r\n",
                           "\r\n\r\n0\r\n\r\n",
                           "x\r\n\r\n",
                           "-1\r\n\r\n",
                           "0x1\r\n\r\n",
                           " 1\r\nx\r\n",
                           "1 1\r\nx\r\n",
                           "FFFFFFFFFFFFFFFFF\r\nx\r\n",
                           "FFFFFFFFFFFFFFFF\r\nx\r\n",
                           "1;a=\"\n\"\r\nx\r\n",
                           "1;a\nb\r\nx\r\n",
                           "1;\r\nx\r\n",
                           "1\rx\r\n",
                           "0;a=\"\n\"\r\n\r\n",
                           "0\r\nHost: evil.example\r\n\r\n",
                           "0\r\nContent-Length: 5\r\n\r\n",
                           "0\r\nTransfer-Encoding: chunked\r\n\r\n",
                           "0\r\nA: b\r\n c\r\n\r\n",
                           "0\r\nA: b\nc\r\n\r\n",
                           "0\r\nA\r\n\r\n"}) {
    const Outcome outcome = Send(PostChunked(body));
    EXPECT_THAT(outcome.last.denied, Not(IsEmpty())) << body;
  }
}

TEST(HttpGuardTest, EveryPipelinedRequestIsLookedAt) {
  ExpectPasses(absl::StrCat(kGet, kGet, Post("Content-Length: 3\r\n", "abc"), kGet));
  for (const std::string& first :
       {std::string(kGet), Post("Content-Length: 3\r\n", "abc"), PostChunked("1\r\nx\r\n0\r\n\r\n"),
        Post("Content-Length: 0\r\n", ""), Get("", "/", "HTTP/1.0")}) {
    const Outcome outcome = Send(absl::StrCat(first, kFronted, kGet));
    EXPECT_EQ(outcome.forwarded, first);
    EXPECT_THAT(outcome.last.denied, HasSubstr("evil.example"));
  }
}

TEST(HttpGuardTest, ADenialStays) {
  HttpGuard guard("allowed.example", 80);
  EXPECT_THAT(guard.Next(kFronted).denied, Not(IsEmpty()));
  const HttpGuard::Look look = guard.Next(kGet);
  EXPECT_EQ(look.forward, 0u);
  EXPECT_THAT(look.denied, HasSubstr("evil.example"));
}

TEST(HttpGuardTest, AHeadWaitsUntilItIsComplete) {
  const std::string bytes = kGet;
  for (size_t size = 1; size < bytes.size(); ++size) {
    HttpGuard guard("allowed.example", 80);
    HttpGuard::Look look = guard.Next(absl::string_view(bytes).substr(0, size));
    ASSERT_EQ(look.forward, 0u) << size;
    ASSERT_TRUE(look.need_more) << size;
    ASSERT_THAT(look.denied, IsEmpty()) << size;
    // Fewer than it has seen: that is nobody's mistake but the caller's, and harms nobody.
    look = guard.Next(absl::string_view(bytes).substr(0, size - 1));
    ASSERT_EQ(look.forward, 0u);
    ASSERT_EQ(guard.Next(bytes).forward, bytes.size()) << size;
  }
}

TEST(HttpGuardTest, AHeadIsAtMost32KiB) {
  const std::string around = Get("Host: allowed.example\r\nA: \r\n");
  auto sized = [&](size_t size) {
    return Get(absl::StrCat("Host: allowed.example\r\nA: ", std::string(size - around.size(), 'x'),
                            "\r\n"));
  };
  HttpGuard guard("allowed.example", 80);
  EXPECT_EQ(guard.Next(sized(kMaxHttpHead)).forward, kMaxHttpHead);
  EXPECT_THAT(guard.Next(sized(kMaxHttpHead + 1)).denied, HasSubstr("32 KiB"));
  // Who sends no end at all hears of it as soon as it is too long.
  for (const std::string& bytes :
       {sized(kMaxHttpHead + 1), std::string(kMaxHttpHead + 1, 'A'),
        absl::StrCat("GET /", std::string(kMaxHttpHead, 'a')),
        PostChunked(absl::StrCat("1;", std::string(kMaxHttpHead + 10, 'a'), "\r\nx\r\n")),
        PostChunked(absl::StrCat("0\r\nA:", std::string(kMaxHttpHead + 10, 'a'), "\r\n\r\n")),
        PostChunked(absl::StrCat("1\r\nx\r\n", std::string(kMaxHttpHead + 10, '0')))}) {
    const Outcome whole = Feed(HttpGuard("allowed.example", 80), bytes, bytes.size());
    const Outcome pieces = Feed(HttpGuard("allowed.example", 80), bytes, 1021);
    EXPECT_THAT(whole.last.denied, HasSubstr("32 KiB"));
    EXPECT_THAT(pieces.last.denied, HasSubstr("32 KiB"));
    EXPECT_EQ(whole.forwarded, pieces.forwarded);
  }
}

TEST(HttpGuardTest, Http2InClearIsDenied) {
  const Outcome outcome = Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_THAT(outcome.last.denied, HasSubstr("HTTP/1.1, or TLS"));
  EXPECT_THAT(outcome.forwarded, IsEmpty());
}

TEST(HttpGuardTest, AnUpgradeMakesItOpaque) {
  const std::string upgrade =
      Get("Host: allowed.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n");
  ExpectPasses(upgrade);
  const std::string frames = absl::StrCat("\x81\x85\x01\x02\x03\x04", "hello", kFronted);
  const Outcome outcome = Send(absl::StrCat(upgrade, frames));
  EXPECT_TRUE(outcome.last.opaque);
  EXPECT_EQ(outcome.forwarded, absl::StrCat(upgrade, frames));
  // Without one it is not.
  EXPECT_FALSE(Send(absl::StrCat(kGet, frames)).last.opaque);
}

// A server need not agree, and goes on with HTTP then.
TEST(HttpGuardTest, AnUpgradeIsNoWayRoundTheGuard) {
  const std::string upgrade =
      Get("Host: allowed.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n");
  for (const std::string& next :
       {std::string(kFronted), absl::StrCat("\r\n", kFronted), absl::StrCat("\n", kFronted),
        absl::StrCat(" ", kFronted), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("X-Y / HTTP/1.1\r\nHost: evil.example\r\n\r\n")}) {
    const Outcome outcome = Send(absl::StrCat(upgrade, next));
    EXPECT_EQ(outcome.forwarded, upgrade) << next;
    EXPECT_THAT(outcome.last.denied, Not(IsEmpty())) << next;
  }
  const Outcome later = Send(absl::StrCat(upgrade, kGet, kFronted));
  EXPECT_EQ(later.forwarded, absl::StrCat(upgrade, kGet));
}

TEST(HttpGuardTest, ATunnelGoesToTheHostAlone) {
  const std::string host = "Host: allowed.example:443\r\n\r\n";
  const std::string tunnel = "CONNECT allowed.example:443 HTTP/1.1\r\n" + host;
  ExpectPasses(tunnel, "allowed.example", 443);
  const Outcome outcome = Send(tunnel + "\x16\x03\x01 anything", "allowed.example", 443);
  EXPECT_TRUE(outcome.last.opaque);
  ExpectDenied("CONNECT evil.example:443 HTTP/1.1\r\n" + host, "allowed.example", 443);
  ExpectDenied("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
}

}  // namespace
}  // namespace warren
