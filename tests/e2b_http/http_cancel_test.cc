// Calls and clients that are destroyed with work under way.

#include "absl/strings/str_cat.h"
#include "tests/e2b_http/http_testing.h"

namespace warren::testing {
namespace {

class HttpCancelTest : public HttpTest {
 protected:
  HttpCancelTest() {
    server_.Answer("GET", "/fine", {.body = "fine"});
    server_.On("GET", "/hangs", [](ScriptedExchange& exchange) { exchange.Hang(); });
    server_.On("GET", "/head", [this](ScriptedExchange& exchange) {
      exchange.Send("HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n");
      head_begun_.Open();
      exchange.Hang();
    });
    server_.On("GET", "/body", [](ScriptedExchange& exchange) {
      exchange.StartChunks({});
      exchange.SendChunk("begun");
      exchange.Hang();
    });
  }
  HttpRequest To(const std::string& path) {
    HttpRequest request;
    request.url = server_.Url(path);
    request.timeout = std::chrono::milliseconds(2 * PatienceMs());
    request.stall = std::chrono::milliseconds(2 * PatienceMs());
    return request;
  }
  // Nothing came of it, and the lane goes on.
  void ExpectQuiet(const SinkPtr& sink, int heads) {
    EXPECT_TRUE(Eventually([&] { return server_.open_connections() == 0; }));
    EXPECT_EQ(Ask(To("/fine")).bytes, "fine");
    EXPECT_EQ(sink->heard().heads, heads);
    EXPECT_EQ(sink->heard().ends, 0);
  }

  // Server threads look at them until their server has gone.
  Gate head_begun_;
  Gate both_;
  ScriptedServer server_;
};

TEST_F(HttpCancelTest, AtOnce) {
  auto sink = std::make_shared<HearingSink>();
  Do([&] {
    StartHere(To("/hangs"), sink);
    CancelHere(sink);
  });
  ExpectQuiet(sink, 0);
  EXPECT_EQ(server_.requests("/hangs").size(), 0u);
}

TEST_F(HttpCancelTest, WhileItsHostIsLookedUp) {
  HttpRequest request = To("/hangs");
  request.url = "http://nowhere.invalid/";
  for (int i = 0; i < 20; ++i) Cancel(Start(request));
  EXPECT_EQ(Ask(To("/fine")).bytes, "fine");
}

TEST_F(HttpCancelTest, BeforeTheAnswer) {
  const SinkPtr sink = Start(To("/hangs"));
  EXPECT_TRUE(Eventually([&] { return server_.requests().size() == 1; }));
  Cancel(sink);
  ExpectQuiet(sink, 0);
}

TEST_F(HttpCancelTest, AmidHeaders) {
  const SinkPtr sink = Start(To("/head"));
  EXPECT_TRUE(Eventually([&] { return head_begun_.is_open(); }));
  Pass();
  Cancel(sink);
  ExpectQuiet(sink, 0);
}

TEST_F(HttpCancelTest, AmidTheBody) {
  const SinkPtr sink = Start(To("/body"));
  EXPECT_TRUE(Eventually([&] { return sink->heard().bytes == "begun"; }));
  Cancel(sink);
  ExpectQuiet(sink, 1);
}

TEST_F(HttpCancelTest, AfterTheEnd) {
  const SinkPtr sink = Start(To("/fine"));
  End(sink);
  Cancel(sink);
  EXPECT_EQ(ClientConnections(), 1);
}

TEST_F(HttpCancelTest, FromWithinItsCallbacks) {
  auto at_head = std::make_shared<HearingSink>();
  at_head->on_head = [&] { CancelHere(at_head); };
  Start(To("/body"), at_head);
  EXPECT_TRUE(Eventually([&] { return at_head->heard().heads == 1; }));
  ExpectQuiet(at_head, 1);
  EXPECT_EQ(at_head->heard().bytes, "");

  auto at_bytes = std::make_shared<HearingSink>();
  at_bytes->on_bytes = [&] {
    CancelHere(at_bytes);
    return Flow::kPause;
  };
  Start(To("/body"), at_bytes);
  EXPECT_TRUE(Eventually([&] { return at_bytes->heard().bytes == "begun"; }));
  ExpectQuiet(at_bytes, 1);

  auto at_end = std::make_shared<HearingSink>();
  at_end->on_end = [&] { CancelHere(at_end); };
  EXPECT_EQ(End(Start(To("/fine"), at_end)).ends, 1);
}

TEST_F(HttpCancelTest, UploadFromWithinItsRoom) {
  server_.On("POST", "/", [](ScriptedExchange& exchange) {
    exchange.ReadSome();
    exchange.Hang();
  });
  HttpRequest request = To("/");
  request.method = "POST";
  request.streams_body = true;
  auto sink = std::make_shared<HearingSink>();
  sink->on_room = [&] { CancelHere(sink); };
  Start(request, sink);
  Do([&] {
    while (CallOf(sink).Write(std::string(64 << 10, 'u')) == Flow::kContinue) {
    }
  });
  EXPECT_TRUE(Eventually([&] { return sink->heard().rooms == 1; }));
  ExpectQuiet(sink, 0);
}

TEST_F(HttpCancelTest, OthersFromWithin) {
  const SinkPtr other = Start(To("/hangs"));
  const SinkPtr paused = std::make_shared<HearingSink>();
  paused->on_bytes = [] { return Flow::kPause; };
  Start(To("/body"), paused);
  EXPECT_TRUE(Eventually([&] { return paused->heard().bytes == "begun"; }));
  auto next = std::make_shared<HearingSink>();
  auto sink = std::make_shared<HearingSink>();
  sink->on_bytes = [&] {
    CancelHere(other);
    CancelHere(paused);
    StartHere(To("/fine"), next);
    return Flow::kContinue;
  };
  EXPECT_EQ(End(Start(To("/fine"), sink)).bytes, "fine");
  EXPECT_EQ(End(next).bytes, "fine");
  EXPECT_EQ(other->heard().ends, 0);
  EXPECT_EQ(paused->heard().ends, 0);
}

// One that is due, by another of the same round.
TEST_F(HttpCancelTest, EachOtherAtTheEnd) {
  server_.On("GET", "/both", [this](ScriptedExchange& exchange) {
    if (exchange.WaitFor(both_)) exchange.Answer({.body = "x"});
  });
  std::vector<SinkPtr> sinks;
  for (int i = 0; i < 8; ++i) sinks.push_back(std::make_shared<HearingSink>());
  for (const SinkPtr& sink : sinks) {
    sink->on_head = [&] {
      for (const SinkPtr& other : sinks) CancelHere(other);
    };
    Start(To("/both"), sink);
  }
  EXPECT_TRUE(Eventually([&] { return server_.requests().size() == 8; }));
  // They are all answered by the time that the loop looks.
  Do([&] {
    both_.Open();
    absl::SleepFor(absl::Milliseconds(100));
  });
  const auto heads = [&] {
    int sum = 0;
    for (const SinkPtr& sink : sinks) sum += sink->heard().heads;
    return sum;
  };
  EXPECT_TRUE(Eventually([&] { return heads() > 0; }));
  Pass();
  EXPECT_EQ(heads(), 1);
}

// What waits for a connection gets on, whichever of those before it go.
TEST_F(HttpCancelTest, ThoseThatWaitGetOn) {
  for (int round = 0; round < 3; ++round) {
    Do([this] { client_ = nullptr; });
    Make({.connections = {1, 1, 1, 1}});
    const size_t before = server_.requests("/hangs").size();
    const SinkPtr hangs = Start(To("/hangs"));
    EXPECT_TRUE(Eventually([&] { return server_.requests("/hangs").size() == before + 1; }));
    std::vector<SinkPtr> waiting;
    for (int i = 0; i < 4; ++i) waiting.push_back(Start(To("/fine")));
    Do([&] {
      // In the order in which they are woken; or the other way round; or the first alone.
      if (round == 1) CancelHere(waiting[0]);
      CancelHere(hangs);
      if (round == 0) CancelHere(waiting[0]);
      if (round == 0) CancelHere(waiting[1]);
    });
    EXPECT_EQ(End(waiting[2]).bytes, "fine") << round;
    EXPECT_EQ(End(waiting[3]).bytes, "fine") << round;
    EXPECT_EQ(Ask(To("/fine")).bytes, "fine") << round;
  }
}

class HttpClientEndTest : public HttpCancelTest {
 protected:
  // The client goes, and nothing comes any more.
  void ExpectSilence(const std::vector<SinkPtr>& sinks) {
    EXPECT_TRUE(Eventually([&] { return server_.open_connections() == 0; }));
    Pass();
    Do([&] {
      for (const SinkPtr& sink : sinks) {
        if (!HasCall(sink)) continue;
        CallOf(sink).Resume();
        CallOf(sink).Write("more");
        CallOf(sink).Close();
      }
    });
    Pass();
    for (const SinkPtr& sink : sinks) EXPECT_EQ(sink->heard().ends, 0);
  }
};

TEST_F(HttpClientEndTest, WithWorkUnderWay) {
  Make({.connections = {1, 4, 1, 1}});
  auto paused = std::make_shared<HearingSink>();
  paused->on_bytes = [] { return Flow::kPause; };
  auto done = std::make_shared<HearingSink>();
  done->on_bytes = [] { return Flow::kPause; };
  Start(To("/body"), paused);
  Start(To("/fine"), done);
  EXPECT_TRUE(Eventually(
      [&] { return paused->heard().bytes == "begun" && done->heard().bytes == "fine"; }));
  std::vector<SinkPtr> sinks = {paused, done};
  for (const std::string path : {"/hangs", "/head", "/hangs", "/hangs", "/fine"})
    sinks.push_back(Start(To(path)));
  EXPECT_TRUE(Eventually([&] { return server_.open_connections() == 4; }));
  Do([&] {
    auto at_once = std::make_shared<HearingSink>();
    StartHere(To("/fine"), at_once);
    sinks.push_back(at_once);
    client_ = nullptr;
  });
  ExpectSilence(sinks);
}

TEST_F(HttpClientEndTest, FromWithinACallback) {
  const SinkPtr other = Start(To("/hangs"));
  for (const int step : {0, 1}) {
    auto sink = std::make_shared<HearingSink>();
    if (step == 0) sink->on_head = [&] { client_ = nullptr; };
    sink->on_bytes = [&] {
      client_ = nullptr;
      return Flow::kContinue;
    };
    Start(To("/body"), sink);
    EXPECT_TRUE(Eventually([&] { return sink->heard().heads == 1; }));
    EXPECT_TRUE(Eventually([&] { return step == 0 || sink->heard().bytes == "begun"; }));
    ExpectSilence({sink, other});
  }
  auto sink = std::make_shared<HearingSink>();
  sink->on_end = [&] { client_ = nullptr; };
  EXPECT_TRUE(End(Start(To("/fine"), sink)).status.ok());
  EXPECT_TRUE(Eventually([&] { return server_.open_connections() == 0; }));
}

TEST_F(HttpClientEndTest, AfterTheLoop) {
  const SinkPtr sink = std::make_shared<HearingSink>();
  std::unique_ptr<HttpCall> call;
  std::unique_ptr<HttpClient> client;
  {
    LoopThread thread;
    client = *HttpClient::Make(thread.loop(), {});
    thread.Do([&] { call = client->Start(To("/hangs"), sink); });
    EXPECT_TRUE(Eventually([&] { return server_.requests("/hangs").size() == 1; }));
    thread.Join();
    client = nullptr;
    call = nullptr;
  }
  EXPECT_EQ(sink->heard().ends, 0);
}

}  // namespace
}  // namespace warren::testing
