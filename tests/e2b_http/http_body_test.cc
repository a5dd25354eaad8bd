// Bodies that come and go piecewise, and who waits for whom.

#include "absl/strings/str_cat.h"
#include "tests/e2b_http/http_testing.h"

namespace warren::testing {
namespace {

constexpr size_t kMega = 1 << 20;

class HttpBodyTest : public HttpTest {
 protected:
  HttpRequest Download(const std::string& path) {
    HttpRequest request;
    request.url = server_.Url(path);
    return request;
  }
  HttpRequest Upload(const std::string& path) {
    HttpRequest request = Download(path);
    request.method = "POST";
    request.streams_body = true;
    return request;
  }

  // On the loop's thread: writes until it is told to wait, or all is written.
  void WriteOn(const SinkPtr& sink, size_t total) {
    while (written_ < total) {
      written_ += 64 << 10;
      if (CallOf(sink).Write(std::string(64 << 10, 'u')) == Flow::kPause) return;
    }
    CallOf(sink).Close();
    closed_ = true;
  }

  ScriptedServer server_;
  std::atomic<size_t> written_{0};
  std::atomic<bool> closed_{false};
};

// How much a script could send so far.
struct Sent {
  std::atomic<size_t> bytes{0};
  std::atomic<bool> over{false};
  // It does not get on any more, or is over.
  bool Stands() const {
    const size_t before = bytes;
    absl::SleepFor(absl::Milliseconds(300));
    return over || (before > 0 && bytes == before);
  }
};

ScriptedServer::Script SendMegas(size_t count, Sent& sent) {
  return [count, &sent](ScriptedExchange& exchange) {
    exchange.StartChunks({});
    const std::string mega(kMega, 'd');
    for (size_t i = 0; i < count && exchange.SendChunk(mega); ++i) sent.bytes += kMega;
    sent.over = true;
    exchange.EndChunks();
  };
}

TEST_F(HttpBodyTest, WhatComesIsToldAsItComes) {
  Gate first;
  Gate second;
  server_.On("GET", "/", [&](ScriptedExchange& exchange) {
    exchange.StartChunks({.headers = {{"Content-Type", "text/x"}}});
    exchange.WaitFor(first);
    exchange.SendChunk("one");
    exchange.WaitFor(second);
    exchange.SendChunk("two");
    exchange.EndChunks();
  });
  const SinkPtr sink = Start(Download("/"));
  EXPECT_TRUE(Eventually([&] { return sink->heard().heads == 1; }));
  EXPECT_EQ(sink->heard().head.content_type, "text/x");
  EXPECT_EQ(sink->heard().head.length, -1);
  EXPECT_EQ(sink->heard().bytes, "");
  first.Open();
  EXPECT_TRUE(Eventually([&] { return sink->heard().bytes == "one"; }));
  EXPECT_FALSE(sink->has_ended());
  second.Open();
  EXPECT_EQ(End(sink).bytes, "onetwo");
}

TEST_F(HttpBodyTest, PauseHoldsTheServerBack) {
  constexpr size_t kMegas = 64;
  Sent sent;
  server_.On("GET", "/", SendMegas(kMegas, sent));
  auto sink = std::make_shared<HearingSink>();
  std::atomic<bool> pauses{true};
  sink->on_bytes = [&] { return pauses ? Flow::kPause : Flow::kContinue; };
  Start(Download("/"), sink);
  EXPECT_TRUE(Eventually([&] { return !sink->heard().bytes.empty(); }));
  const size_t heard = sink->heard().bytes.size();
  EXPECT_TRUE(Eventually([&] { return sent.Stands(); }));
  EXPECT_LT(sent.bytes, kMegas * kMega) << "all of it was taken in";
  EXPECT_EQ(sink->heard().bytes.size(), heard) << "nothing comes until it is resumed";
  // Only as far as the next bytes.
  Do([&] { CallOf(sink).Resume(); });
  EXPECT_TRUE(Eventually([&] { return sink->heard().bytes.size() > heard; }));
  EXPECT_FALSE(sink->has_ended());
  pauses = false;
  Do([&] { CallOf(sink).Resume(); });
  const Heard all = End(sink);
  EXPECT_TRUE(all.status.ok()) << all.status;
  EXPECT_EQ(all.bytes, std::string(kMegas * kMega, 'd'));
  EXPECT_LE(all.largest, kMega);
}

TEST_F(HttpBodyTest, ResumedFromWithinGoesOn) {
  Sent sent;
  server_.On("GET", "/", SendMegas(4, sent));
  auto sink = std::make_shared<HearingSink>();
  sink->on_bytes = [&] {
    CallOf(sink).Resume();
    return Flow::kPause;
  };
  Start(Download("/"), sink);
  EXPECT_EQ(End(sink).bytes.size(), 4 * kMega);
}

TEST_F(HttpBodyTest, EndWaitsForThePaused) {
  server_.Answer("GET", "/", {.body = "short"});
  auto sink = std::make_shared<HearingSink>();
  sink->on_bytes = [] { return Flow::kPause; };
  Start(Download("/"), sink);
  EXPECT_TRUE(Eventually([&] { return sink->heard().bytes == "short"; }));
  // Its connection is free, though.
  EXPECT_TRUE(End(Start(Download("/other"))).status.ok());
  EXPECT_TRUE(End(Start(Download("/other"))).status.ok());
  EXPECT_FALSE(sink->has_ended());
  Do([&] { CallOf(sink).Resume(); });
  EXPECT_TRUE(End(sink).status.ok());
}

TEST_F(HttpBodyTest, UploadWaitsForTheServer) {
  constexpr size_t kTotal = 64 * kMega;
  Gate reads;
  std::atomic<size_t> read{0};
  server_.On("POST", "/", [&](ScriptedExchange& exchange) {
    if (!exchange.WaitFor(reads)) return;
    while (true) {
      const std::string part = exchange.ReadSome();
      if (part.empty()) break;
      read += part.size();
    }
    exchange.Answer({.body = "got it"});
  });
  auto sink = std::make_shared<HearingSink>();
  sink->on_room = [&] { WriteOn(sink, kTotal); };
  Start(Upload("/"), sink);
  Do([&] { WriteOn(sink, kTotal); });
  // The kernel's buffers take some of it.
  EXPECT_TRUE(Eventually([&] {
    const size_t before = written_;
    absl::SleepFor(absl::Milliseconds(300));
    return closed_ || written_ == before;
  }));
  EXPECT_FALSE(closed_) << "all of it is held here";
  EXPECT_LT(written_, kTotal);
  reads.Open();
  const Heard heard = End(sink);
  EXPECT_TRUE(heard.status.ok()) << heard.status;
  EXPECT_EQ(heard.bytes, "got it");
  EXPECT_GT(heard.rooms, 0);
  EXPECT_EQ(read, kTotal);
  const ScriptedRequest asked = server_.requests().at(0);
  EXPECT_EQ(asked.header("transfer-encoding"), "chunked");
  EXPECT_TRUE(asked.is_whole);
}

TEST_F(HttpBodyTest, UploadPausesAtAMebibyte) {
  server_.On("POST", "/", [](ScriptedExchange& exchange) { exchange.Hang(); });
  // Before it is connected nothing is taken away.
  Do([&] {
    auto sink = std::make_shared<HearingSink>();
    StartHere(Upload("/"), sink);
    EXPECT_EQ(CallOf(sink).Write(std::string(kMega, 'u')), Flow::kContinue);
    EXPECT_EQ(CallOf(sink).Write("u"), Flow::kPause);
  });
}

TEST_F(HttpBodyTest, UploadWaitsForItsSource) {
  server_.On("POST", "/",
             [&](ScriptedExchange& exchange) { exchange.Answer({.body = exchange.ReadBody()}); });
  const SinkPtr sink = Start(Upload("/"));
  for (const std::string part : {"one ", "two ", "", "three"}) {
    Do([&] { EXPECT_EQ(CallOf(sink).Write(part), Flow::kContinue); });
    // Curl has taken it and waits again.
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_FALSE(sink->has_ended());
  Do([&] { CallOf(sink).Close(); });
  EXPECT_EQ(End(sink).bytes, "one two three");
}

TEST_F(HttpBodyTest, EmptyUpload) {
  server_.Answer("POST", "/", {.body = "empty"});
  const SinkPtr sink = Start(Upload("/"));
  Do([&] { CallOf(sink).Close(); });
  EXPECT_EQ(End(sink).bytes, "empty");
  EXPECT_TRUE(server_.requests().at(0).is_whole);
}

TEST_F(HttpBodyTest, AnswerBeforeAnyUpload) {
  Gate begun;
  server_.On("POST", "/", [&](ScriptedExchange& exchange) {
    if (!exchange.WaitFor(begun)) return;
    exchange.Send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    exchange.Hang();
  });
  server_.On("POST", "/early", [&](ScriptedExchange& exchange) {
    exchange.Send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
    exchange.ReadBody();
    exchange.EndAnswer();
  });
  const SinkPtr refused = Start(Upload("/"));
  EXPECT_TRUE(Eventually([&] { return server_.requests().size() == 1; }));
  // By then it waits for the body.
  Pass();
  begun.Open();
  EXPECT_EQ(End(refused).bytes, "no");
  // One that does not refuse it gets it.
  const SinkPtr early = Start(Upload("/early"));
  EXPECT_TRUE(Eventually([&] { return early->heard().bytes == "yes"; }));
  EXPECT_FALSE(early->has_ended());
  Do([&] {
    CallOf(early).Write("body");
    CallOf(early).Close();
  });
  EXPECT_TRUE(End(early).status.ok());
  EXPECT_TRUE(Eventually([&] { return server_.requests("/early").at(0).body == "body"; }));
}

TEST_F(HttpBodyTest, AnswerThatDoesNotWaitForTheUpload) {
  server_.On("POST", "/", [](ScriptedExchange& exchange) {
    exchange.Send("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge");
    exchange.Hang();
  });
  const SinkPtr sink = Start(Upload("/"));
  Do([&] { CallOf(sink).Write("begun"); });
  const Heard heard = End(sink);
  EXPECT_TRUE(heard.status.ok()) << heard.status;
  EXPECT_EQ(heard.head.status, 413);
  EXPECT_EQ(heard.bytes, "large");
  Do([&] {
    EXPECT_EQ(CallOf(sink).Write(std::string(2 * kMega, 'u')), Flow::kContinue);
    CallOf(sink).Close();
  });
}

}  // namespace
}  // namespace warren::testing
