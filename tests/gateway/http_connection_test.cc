#include "supervisor/gateway/http/http_connection.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/gateway/http/limits.h"
#include "tests/gateway/gateway_testing.h"

namespace warren {
namespace {

// Says what it was asked.
Async<void> Echo(Exchange& exchange) {
  auto body = co_await exchange.ReadBody(1 << 20);
  if (body.ok() && !exchange.target_status().ok()) body = exchange.target_status();
  if (!body.ok()) {
    co_await exchange.Answer(HttpStatus::bad_request, "text/plain",
                             std::string(body.status().message()));
    co_return;
  }
  const std::string text = absl::StrCat(
      exchange.method(), " ",
      exchange.target().segments.empty() ? std::string("/") : exchange.target().segments[0], " ",
      *body);
  co_await exchange.Answer(HttpStatus::ok, "text/plain", text);
}

TEST(HttpConnectionTest, KeepsConnectionsOpen) {
  TestServer server(Echo);
  TestClient client(*server);
  EXPECT_EQ(client.Ask("GET", "/a").body, "GET a ");
  EXPECT_EQ(client.Ask("POST", "/b", {}, "text").body, "POST b text");
}

TEST(HttpConnectionTest, ReadsChunkedBodies) {
  TestServer server(Echo);
  TestClient client(*server);
  client.Send("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.Send("2\r\nd");
  client.Send("e\r\n0\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "POST c abcde");
}

TEST(HttpConnectionTest, AnswersRequestsThatCameTogether) {
  TestServer server(Echo);
  TestClient client(*server);
  client.Send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "GET a ");
  EXPECT_EQ(client.ReadAnswer().body, "GET b ");
}

TEST(HttpConnectionTest, RefusesWhatTwoReadersMightReadDifferently) {
  TestServer server(Echo);
  const char* smuggled[] = {
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
      "3\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
      "identity\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc",
      "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\nHost: h\n\n\r\n\r\n",
  };
  for (const char* request : smuggled) {
    TestClient client(*server);
    // What is smuggled: answered, if the first were understood otherwise.
    client.Send(absl::StrCat(request, "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
    const HttpAnswer answer = client.ReadAnswer();
    EXPECT_EQ(answer.status, 400u) << request;
    EXPECT_EQ(client.ReadAnswer().status, 0u) << request;
  }
}

TEST(HttpConnectionTest, RefusesMalformedChunks) {
  TestServer server(Echo);
  for (const char* chunks :
       {"zz\r\nabc\r\n", "fffffffffffffffff\r\n", "-1\r\n", "3\r\nabcd\r\n0\r\n\r\n"}) {
    TestClient client(*server);
    client.Send(
        absl::StrCat("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", chunks));
    EXPECT_EQ(client.ReadAnswer().status, 400u) << chunks;
    EXPECT_EQ(client.ReadAnswer().status, 0u) << chunks;
  }
}

TEST(HttpConnectionTest, BoundsHeadersAndPaths) {
  TestServer server(Echo);
  TestClient long_header(*server);
  long_header.Send(
      absl::StrCat("GET / HTTP/1.1\r\nHost: h\r\nX: ", std::string(kMaxHeaderBytes, 'x')));
  EXPECT_EQ(long_header.ReadAnswer().status, 431u);
  TestClient many(*server);
  std::string headers;
  for (size_t i = 0; i < kMaxHeaders; ++i) absl::StrAppend(&headers, "X-", i, ": y\r\n");
  many.Send(absl::StrCat("GET / HTTP/1.1\r\nHost: h\r\n", headers, "\r\n"));
  EXPECT_EQ(many.ReadAnswer().status, 431u);
  TestClient path(*server);
  EXPECT_EQ(path.Ask("GET", "/" + std::string(20'000, 'p')).status, 400u);
}

TEST(HttpConnectionTest, BodiesHaveALimitPackedOrNot) {
  TestServer server(Echo);
  TestClient client(*server);
  EXPECT_EQ(client.Ask("POST", "/", {}, std::string((1 << 20) + 1, 'x')).status, 400u);
  const std::string bomb = Pack(std::string(2 << 20, '\0'));
  TestClient packed(*server);
  EXPECT_EQ(packed.Ask("POST", "/", {{"Content-Encoding", "gzip"}}, bomb).status, 400u);
}

TEST(HttpConnectionTest, UnpacksBodies) {
  TestServer server(Echo);
  const std::string body = Pack("hello");
  TestClient client(*server);
  EXPECT_EQ(client.Ask("POST", "/z", {{"Content-Encoding", "gzip"}}, body).body, "POST z hello");
  EXPECT_EQ(client.Ask("POST", "/z", {{"Content-Encoding", "gzip"}}, body.substr(0, 8)).status,
            400u);
}

TEST(HttpConnectionTest, BodiesOfAllAreBoundedTogether) {
  TestServer server(Echo);
  server.memory().Add(server.memory().limit());
  TestClient client(*server);
  EXPECT_EQ(client.Ask("POST", "/", {}, "text").status, 400u);
  server.memory().Remove(server.memory().limit());
}

TEST(HttpConnectionTest, SlowClientsAreCut) {
  // On a host of such a pace the time for headers is 15 ms.
  TestServer server(Echo, 0.001);
  TestClient headers(*server);
  headers.Send("GET / HTTP/1.1\r\nHost");
  EXPECT_EQ(headers.Receive(), "");
  TestClient silent(*server);
  EXPECT_EQ(silent.Receive(), "") << "its first request has no longer than its headers";
  TestClient body(*server);
  body.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_NE(body.ReadAnswer().status, 200u);
}

TEST(HttpConnectionTest, WaitsForTheClientThatExpectsTo) {
  TestServer server(Echo);
  TestClient client(*server);
  client.Send("POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("ok");
  EXPECT_EQ(client.ReadAnswer().body, "POST e ok");
}

TEST(HttpConnectionTest, AnOldClientIsAnsweredByTheEnd) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    co_await exchange.Begin(HttpStatus::ok, "text/plain");
    co_await exchange.Write("one");
    co_await exchange.Write("two");
    co_await exchange.End();
  });
  TestClient old(*server);
  old.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.ReadAnswer().body, "onetwo");
  TestClient client(*server);
  const HttpAnswer answer = client.Ask("GET", "/");
  EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.body, "onetwo");
  EXPECT_TRUE(answer.whole);
}

TEST(HttpConnectionTest, TellsThatTheClientHasGone) {
  std::atomic<bool> gone{false};
  {
    TestServer server([&gone](Exchange& exchange) -> Async<void> {
      exchange.WatchClient();
      co_await exchange.Begin(HttpStatus::ok, "text/plain");
      while (!exchange.client_gone()) co_await exchange.signal()->WaitUntil(SteadyTime::max());
      gone = true;
    });
    TestClient client(*server);
    client.SendRequest("GET", "/");
    EXPECT_NE(client.Receive(), "");
    client.Close();
    for (int i = 0; i < 1000 && !gone; ++i) absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_TRUE(gone);
}

TEST(HttpConnectionTest, ARequestAheadOfItsTimeIsServedNext) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    exchange.WatchClient();
    co_await exchange.Begin(HttpStatus::ok, "text/plain");
    // Until the client's next words have come.
    co_await exchange.signal()->WaitUntil(std::chrono::steady_clock::now() +
                                          std::chrono::milliseconds(50));
    co_await exchange.Write(exchange.target().segments.at(0));
    co_await exchange.End();
  });
  TestClient client(*server);
  client.SendRequest("GET", "/first");
  client.SendRequest("GET", "/second");
  EXPECT_EQ(client.ReadAnswer().body, "first");
  EXPECT_EQ(client.ReadAnswer().body, "second");
}

TEST(HttpConnectionTest, AHangupIsNoEnd) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    co_await exchange.Begin(HttpStatus::ok, "text/plain");
    co_await exchange.Write("half");
    exchange.Hangup();
  });
  TestClient client(*server);
  EXPECT_FALSE(client.Ask("GET", "/").whole);
}

TEST(HttpConnectionTest, WhatAHandlerDoesNotReadIsInNobodysWay) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    co_await exchange.Answer(HttpStatus::not_found, "text/plain", "no");
  });
  TestClient client(*server);
  EXPECT_EQ(client.Ask("POST", "/", {}, "unread").status, 404u);
  EXPECT_EQ(client.Ask("POST", "/", {}, "unread").status, 404u);
}

TEST(HttpConnectionTest, AThrowIsTheConnectionsAlone) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    if (exchange.target().segments.at(0) == "bad") throw std::bad_alloc();
    co_await exchange.Answer(HttpStatus::ok, "text/plain", "good");
  });
  TestClient bad(*server);
  EXPECT_EQ(bad.Ask("GET", "/bad").status, 0u);
  TestClient good(*server);
  EXPECT_EQ(good.Ask("GET", "/good").body, "good");
}

}  // namespace
}  // namespace warren
