// Requests and answers, connections and lanes.

#include "supervisor/e2b/http/http_client.h"

#include "absl/strings/str_cat.h"
#include "tests/e2b_http/http_testing.h"

namespace warren::testing {
namespace {

class HttpClientTest : public HttpTest {
 protected:
  HttpRequest To(const std::string& method, const std::string& path) {
    HttpRequest request;
    request.method = method;
    request.url = server_.Url(path);
    return request;
  }

  ScriptedServer server_;
};

TEST_F(HttpClientTest, SendsWhatIsAskedAndTellsWhatIsAnswered) {
  server_.Answer("POST", "/sandboxes",
                 {.status = 201,
                  .body = "made",
                  .headers = {{"Content-Type", "application/json"}, {"X-Next-Token", "next"}}});
  HttpRequest request = To("POST", "/sandboxes?a=b");
  request.headers = {{"X-API-Key", "secret"}, {"Content-Type", "text/x"}, {"X-Empty", ""}};
  request.body = "what";
  const Heard heard = Ask(request);
  EXPECT_TRUE(heard.status.ok()) << heard.status;
  EXPECT_TRUE(heard.sent);
  EXPECT_EQ(heard.heads, 1);
  EXPECT_EQ(heard.ends, 1);
  EXPECT_EQ(heard.head.status, 201);
  EXPECT_EQ(heard.head.content_type, "application/json");
  EXPECT_EQ(heard.head.next_token, "next");
  EXPECT_EQ(heard.head.length, 4);
  EXPECT_EQ(heard.head.retry_after_seconds, -1);
  EXPECT_EQ(heard.bytes, "made");
  const std::vector<ScriptedRequest> asked = server_.requests();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].target, "/sandboxes?a=b");
  EXPECT_EQ(asked[0].body, "what");
  EXPECT_EQ(asked[0].header("x-api-key"), "secret");
  EXPECT_EQ(asked[0].header("content-type"), "text/x");
  EXPECT_EQ(asked[0].headers.count("x-empty"), 1u);
  EXPECT_EQ(asked[0].header("content-length"), "4");
  EXPECT_EQ(asked[0].header("host"), absl::StrCat("127.0.0.1:", server_.port()));
}

TEST_F(HttpClientTest, MethodsWithoutBodies) {
  for (const std::string method : {"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"}) {
    server_.Answer(method, "/", {.body = "four"});
    const Heard heard = Ask(To(method, "/"));
    EXPECT_TRUE(heard.status.ok()) << method << heard.status;
    EXPECT_EQ(heard.head.length, 4) << method;
    EXPECT_EQ(heard.bytes, method == "HEAD" ? "" : "four");
    const ScriptedRequest asked = server_.requests().back();
    EXPECT_EQ(asked.method, method);
    const bool says_length = method[0] == 'P';
    EXPECT_EQ(asked.header("content-length"), says_length ? "0" : "") << method;
  }
  EXPECT_EQ(server_.connections(), 1u);
}

TEST_F(HttpClientTest, LargeBodyIsSentAtOnce) {
  server_.Answer("POST", "/", {.status = 204});
  HttpRequest request = To("POST", "/");
  request.body = std::string(5 << 20, 'b');
  EXPECT_EQ(Ask(request).head.status, 204);
  const ScriptedRequest asked = server_.requests().at(0);
  EXPECT_EQ(asked.body.size(), request.body.size());
  EXPECT_EQ(asked.headers.count("expect"), 0u);
}

TEST_F(HttpClientTest, InterimAnswersAreNone) {
  server_.On("GET", "/", [](ScriptedExchange& exchange) {
    exchange.Send("HTTP/1.1 103 Early Hints\r\nContent-Type: early\r\n\r\n");
    exchange.Answer({.body = "late"});
  });
  const Heard heard = Ask(To("GET", "/"));
  EXPECT_EQ(heard.heads, 1);
  EXPECT_EQ(heard.head.status, 200);
  EXPECT_EQ(heard.head.content_type, "");
  EXPECT_EQ(heard.bytes, "late");
}

TEST_F(HttpClientTest, RedirectsAreAnswers) {
  server_.Answer("GET", "/", {.status = 302, .headers = {{"Location", server_.Url("/other")}}});
  EXPECT_EQ(Ask(To("GET", "/")).head.status, 302);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(HttpClientTest, RetryAfterIsBounded) {
  const std::vector<std::pair<std::string, int>> cases = {
      {"7", 7},   {"0", 0},     {"99999", 3600},
      {"-5", -1}, {"soon", -1}, {"Thu, 01 Jan 2099 00:00:00 GMT", 3600}};
  for (const auto& [said, read] : cases) {
    server_.Answer("GET", "/", {.status = 429, .headers = {{"Retry-After", said}}});
    EXPECT_EQ(Ask(To("GET", "/")).head.retry_after_seconds, read) << said;
  }
  server_.Answer("GET", "/", {.status = 500, .headers = {{"Retry-After", "7"}}});
  EXPECT_EQ(Ask(To("GET", "/")).head.retry_after_seconds, -1);
}

TEST_F(HttpClientTest, ConnectionIsKept) {
  server_.Answer("GET", "/", {});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Ask(To("GET", "/")).status.ok());
  EXPECT_EQ(server_.connections(), 1u);
  EXPECT_EQ(ClientConnections(), 1);
}

TEST_F(HttpClientTest, CallsShareNoMoreConnectionsThanTheirLaneHas) {
  std::atomic<int> at_once{0};
  Gate all_there;
  server_.On("GET", "/", [&](ScriptedExchange& exchange) {
    // The first ten wait for each other: fewer connections would not get on.
    if (++at_once == 10) all_there.Open();
    if (exchange.WaitFor(all_there)) exchange.Answer({.body = "x"});
  });
  std::vector<SinkPtr> sinks;
  for (int i = 0; i < 100; ++i) sinks.push_back(Start(To("GET", "/")));
  for (const SinkPtr& sink : sinks) EXPECT_TRUE(End(sink).status.ok());
  EXPECT_EQ(server_.requests().size(), 100u);
  EXPECT_EQ(server_.most_connections(), 10u);
}

TEST_F(HttpClientTest, HungCellsHoldNoCallUp) {
  Make({.connections = {10, 10, 10, 10}});
  server_.On("GET", "/cell", [](ScriptedExchange& exchange) { exchange.Hang(); });
  server_.Answer("GET", "/call", {.body = "at once"});
  HttpRequest cell = To("GET", "/cell");
  cell.lane = HttpLane::kCell;
  for (int i = 0; i < 20; ++i) Start(cell);
  EXPECT_TRUE(Eventually([&] { return server_.requests("/cell").size() == 10; }));
  EXPECT_EQ(Ask(To("GET", "/call")).bytes, "at once");
  HttpRequest stream = To("GET", "/call");
  stream.lane = HttpLane::kStream;
  EXPECT_EQ(Ask(stream).bytes, "at once");
  EXPECT_EQ(server_.requests("/cell").size(), 10u);
}

TEST_F(HttpClientTest, HostIsLookedUp) {
  server_.Answer("GET", "/", {.body = "found"});
  HttpRequest request = To("GET", "/");
  request.url = absl::StrCat("http://localhost:", server_.port(), "/");
  EXPECT_EQ(Ask(request).bytes, "found");
}

TEST_F(HttpClientTest, WhatIsNoRequestIsToldAtOnce) {
  std::vector<HttpRequest> wrong(7, To("GET", "/"));
  wrong[0].url = "ftp://127.0.0.1/";
  wrong[1].url = "not a url";
  wrong[2].url = "http://user:word@127.0.0.1/";
  wrong[3].method = "GET / HTTP/1.1\r\nX: y\r\n";
  wrong[4].headers = {{"X-Name", "value\r\nX-Other: smuggled"}};
  wrong[5].headers = {{"X-Name\r\nX-Other", "value"}};
  wrong[6].method = "";
  for (const HttpRequest& request : wrong) {
    auto sink = std::make_shared<HearingSink>();
    Start(request, sink);
    EXPECT_TRUE(sink->has_ended());
    EXPECT_EQ(sink->heard().status.code(), absl::StatusCode::kInternal);
    EXPECT_FALSE(sink->heard().sent);
    EXPECT_FALSE(HasCall(sink));
  }
  EXPECT_EQ(server_.connections(), 0u);
}

TEST_F(HttpClientTest, OptionsAreChecked) {
  EXPECT_FALSE(HttpClient::Make(loop(), {.connections = {0, 1, 1, 1}}).ok());
  EXPECT_FALSE(HttpClient::Make(loop(), {.tls = {.certificate = "only"}}).ok());
}

}  // namespace
}  // namespace warren::testing
