// Servers that do not answer, or not as they should; and what is never sent twice.

#include <netinet/in.h>
#include <sys/socket.h>

#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/e2b_http/http_testing.h"
#include "tests/support/held_port.h"

namespace warren::testing {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSoon{200};
// For what must have been said before it is over.
constexpr milliseconds kLater{2000};

// A socket that listens, and whose backlog is full: what connects hears nothing.
class BlackHole {
 public:
  BlackHole() {
    EXPECT_EQ(::listen(port_.fd(), 0), 0);
    sockaddr_in address = {};
    socklen_t size = sizeof(address);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::getsockname(port_.fd(), where, &size), 0);
    for (UniqueFd& one : filling_) {
      one.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)::connect(one.get(), where, size);
    }
  }
  std::string url() const { return port_.Url("/"); }

 private:
  HeldPort port_;
  UniqueFd filling_[4];
};

// What the default logger says meanwhile.
class LogText {
 public:
  LogText() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~LogText() { spdlog::set_default_logger(before_); }
  // When nothing is logged any more.
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

class HttpFailureTest : public HttpTest {
 protected:
  HttpRequest To(const std::string& method, const std::string& path) {
    HttpRequest request;
    request.method = method;
    request.url = server_.Url(path);
    request.headers = {{"X-API-Key", "e2b_secret"}};
    return request;
  }
  // The words are for clients.
  void ExpectFailed(const Heard& heard, absl::StatusCode code, bool sent) {
    EXPECT_EQ(heard.ends, 1);
    EXPECT_EQ(heard.status.code(), code) << heard.status;
    EXPECT_EQ(heard.sent, sent) << heard.status;
    for (const std::string& part : {std::string("127.0.0.1"), std::to_string(server_.port()),
                                    std::string("secret"), std::string("/path")})
      EXPECT_FALSE(absl::StrContains(heard.status.message(), part)) << heard.status;
  }

  ScriptedServer server_;
};

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
constexpr auto kDeadline = absl::StatusCode::kDeadlineExceeded;
constexpr auto kInternal = absl::StatusCode::kInternal;

TEST_F(HttpFailureTest, NobodyListens) {
  HttpRequest request = To("POST", "/path");
  const HeldPort nobody;
  request.url = nobody.Url("/path");
  ExpectFailed(Ask(request), kUnavailable, false);
}

TEST_F(HttpFailureTest, NoSuchHost) {
  HttpRequest request = To("GET", "/");
  request.url = "http://nowhere.invalid/";
  ExpectFailed(Ask(request), kUnavailable, false);
}

TEST_F(HttpFailureTest, EndsAfterTheRequest) {
  server_.On("POST", "/path", [](ScriptedExchange& exchange) { exchange.ReadBody(); });
  ExpectFailed(Ask(To("POST", "/path")), kUnavailable, true);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(HttpFailureTest, BreaksAfterTheRequest) {
  server_.On("POST", "/path", [](ScriptedExchange& exchange) { exchange.connection().Break(); });
  ExpectFailed(Ask(To("POST", "/path")), kUnavailable, true);
}

TEST_F(HttpFailureTest, ConnectingTakesTooLong) {
  Make({.connect_timeout = kSoon});
  const BlackHole hole;
  HttpRequest request = To("GET", "/");
  request.url = hole.url();
  const Heard heard = Ask(request);
  ExpectFailed(heard, kUnavailable, false);
  EXPECT_TRUE(absl::StrContains(heard.status.message(), "in time")) << heard.status;
}

TEST_F(HttpFailureTest, TimeoutCountsConnecting) {
  Make({.connect_timeout = milliseconds(PatienceMs())});
  const BlackHole hole;
  HttpRequest request = To("GET", "/");
  request.url = hole.url();
  request.timeout = kSoon;
  ExpectFailed(Ask(request), kDeadline, false);
}

TEST_F(HttpFailureTest, TimeoutCountsTheWaitForAConnection) {
  Make({.connections = {1, 1, 1, 1}});
  server_.On("GET", "/hangs", [](ScriptedExchange& exchange) { exchange.Hang(); });
  server_.Answer("GET", "/path", {.body = "x"});
  const SinkPtr hangs = Start(To("GET", "/hangs"));
  EXPECT_TRUE(Eventually([&] { return server_.requests().size() == 1; }));
  HttpRequest waits = To("GET", "/path");
  waits.timeout = kSoon;
  ExpectFailed(Ask(waits), kDeadline, false);
  EXPECT_EQ(server_.requests("/path").size(), 0u);
  // The lane gets on.
  Cancel(hangs);
  EXPECT_EQ(Ask(To("GET", "/path")).bytes, "x");
}

TEST_F(HttpFailureTest, TimeoutWhileItWaitsForTheAnswer) {
  server_.On("POST", "/path", [](ScriptedExchange& exchange) { exchange.Hang(); });
  HttpRequest request = To("POST", "/path");
  request.timeout = kLater;
  ExpectFailed(Ask(request), kDeadline, true);
  EXPECT_TRUE(Eventually([&] { return server_.open_connections() == 0; }));
}

TEST_F(HttpFailureTest, TimeoutWhileItStreams) {
  server_.On("GET", "/path", [](ScriptedExchange& exchange) {
    exchange.StartChunks({});
    while (exchange.SendChunk("more")) absl::SleepFor(absl::Milliseconds(5));
  });
  HttpRequest request = To("GET", "/path");
  request.timeout = milliseconds(1000);
  // What is never over is no stall.
  request.stall = milliseconds(PatienceMs());
  const Heard heard = Ask(request);
  ExpectFailed(heard, kDeadline, true);
}

TEST_F(HttpFailureTest, StallBeforeTheAnswerAndAmidIt) {
  server_.On("POST", "/path", [](ScriptedExchange& exchange) { exchange.Hang(); });
  server_.On("GET", "/path", [](ScriptedExchange& exchange) {
    exchange.StartChunks({});
    exchange.SendChunk("begun");
    exchange.Hang();
  });
  for (const std::string method : {"POST", "GET"}) {
    HttpRequest request = To(method, "/path");
    request.stall = kLater;
    const Heard heard = Ask(request);
    ExpectFailed(heard, kUnavailable, true);
    EXPECT_EQ(heard.bytes, method == "GET" ? "begun" : "");
    EXPECT_TRUE(absl::StrContains(heard.status.message(), "for too long")) << heard.status;
  }
}

TEST_F(HttpFailureTest, WhatIsHeldUpHereDoesNotStall) {
  server_.On("GET", "/path", [](ScriptedExchange& exchange) {
    exchange.StartChunks({});
    exchange.SendChunk("begun");
    exchange.Hang();
  });
  server_.On("POST", "/path", [](ScriptedExchange& exchange) { exchange.ReadBody(); });
  auto paused = std::make_shared<HearingSink>();
  paused->on_bytes = [] { return Flow::kPause; };
  HttpRequest download = To("GET", "/path");
  download.stall = kLater;
  HttpRequest upload = To("POST", "/path");
  upload.streams_body = true;
  upload.stall = kLater;
  // One that is not held up, after them: it stalls, and they would have by then.
  HttpRequest other = To("GET", "/path");
  other.stall = 2 * kLater;
  Start(download, paused);
  EXPECT_TRUE(Eventually([&] { return !paused->heard().bytes.empty(); }));
  const SinkPtr writes = Start(upload);
  EXPECT_TRUE(Eventually([&] { return server_.requests().size() == 2; }));
  EXPECT_EQ(Ask(other).status.code(), kUnavailable);
  EXPECT_FALSE(paused->has_ended());
  EXPECT_FALSE(writes->has_ended());
  // From here on it is the server's turn.
  Do([&] { CallOf(paused).Resume(); });
  ExpectFailed(End(paused), kUnavailable, true);
}

TEST_F(HttpFailureTest, HalfAnAnswer) {
  server_.Answer("GET", "/path", {.body = "0123456789", .cut_after = 4});
  const Heard heard = Ask(To("GET", "/path"));
  ExpectFailed(heard, kUnavailable, true);
  EXPECT_EQ(heard.bytes, "0123");
  server_.On("GET", "/path", [](ScriptedExchange& exchange) {
    exchange.StartChunks({});
    exchange.SendChunk("half");
  });
  ExpectFailed(Ask(To("GET", "/path")), kUnavailable, true);
  server_.On("GET", "/path",
             [](ScriptedExchange& exchange) { exchange.Send("HTTP/1.1 200 OK\r\nContent-"); });
  const Heard head = Ask(To("GET", "/path"));
  ExpectFailed(head, kUnavailable, true);
  EXPECT_EQ(head.heads, 0);
}

TEST_F(HttpFailureTest, NoHttp) {
  for (const std::string& garbage :
       {std::string("SSH-2.0-OpenSSH\r\n"), std::string(1000, '\0'), std::string("\x15\x03\x01"),
        std::string("HTTP/1.1 99999999999 X\r\n\r\n"), std::string("HTTP/7.3 200 OK\r\n\r\n")}) {
    server_.On("GET", "/path", [garbage](ScriptedExchange& exchange) { exchange.Send(garbage); });
    const Heard heard = Ask(To("GET", "/path"));
    ExpectFailed(heard, kInternal, true);
    EXPECT_EQ(heard.heads, 0);
  }
}

TEST_F(HttpFailureTest, HeaderFlood) {
  server_.On("GET", "/many", [](ScriptedExchange& exchange) {
    exchange.Send("HTTP/1.1 200 OK\r\n");
    const std::string field = absl::StrCat("X-Field: ", std::string(1000, 'x'), "\r\n");
    while (exchange.Send(field)) {
    }
  });
  server_.On("GET", "/long", [](ScriptedExchange& exchange) {
    exchange.Send("HTTP/1.1 200 OK\r\nX-Field: ");
    const std::string more(1000, 'x');
    while (exchange.Send(more)) {
    }
  });
  server_.On("GET", "/interim", [](ScriptedExchange& exchange) {
    const std::string head = absl::StrCat("HTTP/1.1 102 Wait\r\nX: ", std::string(500, 'x'));
    while (exchange.Send(head + "\r\n\r\n")) {
    }
  });
  server_.On("GET", "/trailers", [](ScriptedExchange& exchange) {
    exchange.StartChunks({});
    exchange.Send("0\r\n");
    const std::string field = absl::StrCat("X-Field: ", std::string(1000, 'x'), "\r\n");
    while (exchange.Send(field)) {
    }
  });
  for (const std::string path : {"/many", "/long", "/interim", "/trailers"}) {
    const Heard heard = Ask(To("GET", path));
    EXPECT_EQ(heard.status.code(), kInternal) << path << heard.status;
  }
}

// One after the other on one connection, which the second finds closed when it has been read.
class NoSecondSend : public HttpFailureTest {
 protected:
  NoSecondSend() {
    server_.Answer("GET", "/first", {});
    server_.OnOther([](ScriptedExchange& exchange) { exchange.ReadBody(); });
    EXPECT_TRUE(Ask(To("GET", "/first")).status.ok());
  }
  void ExpectOnce(const Heard& heard) {
    ExpectFailed(heard, kUnavailable, true);
    const std::vector<ScriptedRequest> asked = server_.requests("/second");
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].connection, 1u) << "no connection was kept: this shows nothing";
    EXPECT_TRUE(asked[0].is_whole);
  }
};

TEST_F(NoSecondSend, OfABody) {
  HttpRequest request = To("POST", "/second");
  request.body = "do it";
  ExpectOnce(Ask(request));
}

TEST_F(NoSecondSend, OfAPostWithoutABody) { ExpectOnce(Ask(To("POST", "/second"))); }

TEST_F(NoSecondSend, OfADelete) { ExpectOnce(Ask(To("DELETE", "/second"))); }

TEST_F(NoSecondSend, OfAStreamedBody) {
  HttpRequest request = To("PUT", "/second");
  request.streams_body = true;
  const SinkPtr sink = Start(request);
  Do([&] {
    CallOf(sink).Write("do it");
    CallOf(sink).Close();
  });
  ExpectOnce(End(sink));
}

TEST_F(NoSecondSend, ButOfAGet) {
  server_.On("GET", "/second", [](ScriptedExchange& exchange) {
    if (exchange.request().connection == 2) exchange.Answer({.body = "again"});
  });
  EXPECT_EQ(Ask(To("GET", "/second")).bytes, "again");
  EXPECT_EQ(server_.requests("/second").size(), 2u);
}

TEST_F(HttpFailureTest, LogTellsWhyAndNoKey) {
  const LogText log;
  Make({});
  server_.On("GET", "/path", [](ScriptedExchange& exchange) { exchange.Send("garbage\r\n\r\n"); });
  HttpRequest refused = To("POST", "/path");
  const HeldPort nobody;
  refused.url = nobody.Url("/path");
  const absl::Time before = absl::Now();
  Ask(refused);
  for (int i = 0; i < 20; ++i) Ask(To("GET", "/path"));
  const int64_t seconds = absl::ToInt64Seconds(absl::Now() - before);
  const std::string text = log.text();
  EXPECT_TRUE(absl::StrContains(text, "event=http_failed backend=\"cloud\" error=\"")) << text;
  EXPECT_TRUE(absl::StrContains(text, "left_out=0")) << text;
  EXPECT_FALSE(absl::StrContains(text, "secret")) << text;
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), seconds + 1) << text;
  if (seconds > 0) return;
  absl::SleepFor(absl::Seconds(1));
  Ask(To("GET", "/path"));
  EXPECT_TRUE(absl::StrContains(log.text(), "left_out=20")) << log.text();
}

}  // namespace
}  // namespace warren::testing
