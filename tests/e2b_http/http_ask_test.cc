// What is asked again, when, and when not.

#include "supervisor/e2b/http/http_ask.h"

#include "tests/e2b_http/http_testing.h"
#include "tests/support/held_port.h"

namespace warren::testing {
namespace {

using std::chrono::milliseconds;

class HttpAskTest : public HttpTest {
 protected:
  ~HttpAskTest() override {
    Do([this] { ask_ = nullptr; });
  }
  HttpRequest Post() {
    HttpRequest request;
    request.method = "POST";
    request.url = server_.Url("/");
    request.body = "what";
    return request;
  }
  void Begin(const HttpRequest& request, HttpAgain again) {
    Do([&] {
      ask_ = AskHttp(client(), loop(), &memory_, request, again,
                     [this](absl::StatusOr<HttpAnswer> answer) {
                       answer_ = std::move(answer);
                       ++answers_;
                     });
    });
  }
  absl::StatusOr<HttpAnswer> Result(const HttpRequest& request, HttpAgain again) {
    const int before = answers_;
    Begin(request, again);
    EXPECT_TRUE(Eventually([&] { return answers_ > before; }));
    Pass();
    EXPECT_EQ(answers_, before + 1);
    return answer_;
  }
  size_t asked() { return server_.requests().size(); }

  ScriptedServer server_;
  MemoryBudget memory_{int64_t{64} << 20};
  std::unique_ptr<HttpAsk> ask_;
  absl::StatusOr<HttpAnswer> answer_ = absl::UnknownError("none yet");
  std::atomic<int> answers_{0};
};

TEST_F(HttpAskTest, AnswerIsHeldWhole) {
  server_.On("POST", "/", [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({.status = 418});
    for (int i = 0; i < 3; ++i) exchange.SendChunk("part ");
    exchange.EndChunks();
  });
  const absl::StatusOr<HttpAnswer> answer = Result(Post(), HttpAgain::kAlways);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->head.status, 418);
  EXPECT_EQ(answer->body, "part part part ");
  EXPECT_EQ(asked(), 1u);
}

TEST_F(HttpAskTest, TooManyIsAskedAgain) {
  for (const HttpAgain again : {HttpAgain::kIfNotDone, HttpAgain::kAlways}) {
    server_.Answers("POST", "/",
                    {{.status = 429, .body = "busy"},
                     {.status = 429, .body = "busy", .headers = {{"Retry-After", "0"}}},
                     {.status = 201, .body = "made"}});
    const size_t before = asked();
    const absl::StatusOr<HttpAnswer> answer = Result(Post(), again);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->head.status, 201);
    EXPECT_EQ(answer->body, "made") << "nothing of the answers before";
    EXPECT_EQ(asked(), before + 3);
    EXPECT_EQ(server_.requests().back().body, "what");
  }
}

TEST_F(HttpAskTest, RetryAfterIsWaitedFor) {
  server_.Answers("POST", "/", {{.status = 429, .headers = {{"Retry-After", "1"}}}, {}});
  const absl::Time before = absl::Now();
  EXPECT_EQ(Result(Post(), HttpAgain::kIfNotDone)->head.status, 200);
  EXPECT_GE(absl::Now() - before, absl::Seconds(1));
}

TEST_F(HttpAskTest, RetryAfterBeyondTheTimeoutIsToldAtOnce) {
  server_.Answer("POST", "/", {.status = 429, .headers = {{"Retry-After", "3600"}}});
  HttpRequest request = Post();
  request.timeout = std::chrono::minutes(30);
  const absl::StatusOr<HttpAnswer> answer = Result(request, HttpAgain::kAlways);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->head.status, 429);
  EXPECT_EQ(answer->head.retry_after_seconds, 3600);
  EXPECT_EQ(asked(), 1u);
}

TEST_F(HttpAskTest, AttemptsAreBounded) {
  server_.Answer("POST", "/", {.status = 429, .headers = {{"Retry-After", "0"}}});
  EXPECT_EQ(Result(Post(), HttpAgain::kIfNotDone)->head.status, 429);
  EXPECT_EQ(asked(), size_t{kMaxHttpAttempts});
}

TEST_F(HttpAskTest, AwayIsAskedAgainWhereItMayBeDoneTwice) {
  for (const int status : {502, 503}) {
    server_.Answers("POST", "/", {{.status = status}, {.status = 200}});
    size_t before = asked();
    EXPECT_EQ(Result(Post(), HttpAgain::kAlways)->head.status, 200);
    EXPECT_EQ(asked(), before + 2);
    server_.Answers("POST", "/", {{.status = status}, {.status = 200}});
    before = asked();
    EXPECT_EQ(Result(Post(), HttpAgain::kIfNotDone)->head.status, status);
    EXPECT_EQ(asked(), before + 1);
  }
}

TEST_F(HttpAskTest, OtherAnswersAreTold) {
  for (const int status : {200, 400, 404, 500, 504}) {
    server_.Answer("POST", "/", {.status = status});
    const size_t before = asked();
    EXPECT_EQ(Result(Post(), HttpAgain::kAlways)->head.status, status);
    EXPECT_EQ(asked(), before + 1);
  }
}

TEST_F(HttpAskTest, BrokenIsAskedAgainWhereItMayBeDoneTwice) {
  std::atomic<int> times{0};
  server_.On("POST", "/", [&](ScriptedExchange& exchange) {
    exchange.ReadBody();
    if (++times % 2 == 0) exchange.Answer({.body = "second"});
  });
  EXPECT_EQ(Result(Post(), HttpAgain::kAlways)->body, "second");
  EXPECT_EQ(asked(), 2u);
  const absl::StatusOr<HttpAnswer> once = Result(Post(), HttpAgain::kIfNotDone);
  EXPECT_EQ(once.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(asked(), 3u);
}

TEST_F(HttpAskTest, UnsentIsAskedAgain) {
  HttpRequest request = Post();
  const HeldPort nobody;
  request.url = nobody.Url("/");
  // Three pauses of 50, 100 and 200 ms at least.
  const absl::Time before = absl::Now();
  const absl::StatusOr<HttpAnswer> answer = Result(request, HttpAgain::kIfNotDone);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(350));
}

TEST_F(HttpAskTest, ItIsKnownWhetherItMayBeSent) {
  HttpRequest nowhere = Post();
  const HeldPort nobody;
  nowhere.url = nobody.Url("/");
  const absl::Status unsent = Result(nowhere, HttpAgain::kIfNotDone).status();
  EXPECT_TRUE(absl::IsUnavailable(unsent)) << unsent;
  EXPECT_FALSE(MayBeSent(unsent));
  server_.On("POST", "/", [](ScriptedExchange& exchange) { exchange.ReadBody(); });
  const absl::Status broken = Result(Post(), HttpAgain::kIfNotDone).status();
  EXPECT_TRUE(absl::IsUnavailable(broken)) << broken;
  EXPECT_TRUE(MayBeSent(broken));
}

TEST_F(HttpAskTest, TimeoutIsThatOfAllAttempts) {
  std::atomic<int> times{0};
  server_.On("POST", "/", [&](ScriptedExchange& exchange) {
    exchange.ReadBody();
    if (++times == 1) {
      exchange.Answer({.status = 429, .headers = {{"Retry-After", "1"}}});
    } else {
      exchange.Hang();
    }
  });
  HttpRequest request = Post();
  request.timeout = milliseconds(4000);
  const absl::Time before = absl::Now();
  const absl::StatusOr<HttpAnswer> answer = Result(request, HttpAgain::kIfNotDone);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(4000));
  EXPECT_LE(asked(), 2u);
}

TEST_F(HttpAskTest, TooLongAnAnswer) {
  server_.On("POST", "/", [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({});
    const std::string mega(1 << 20, 'm');
    while (exchange.SendChunk(mega)) {
    }
  });
  const absl::StatusOr<HttpAnswer> answer = Result(Post(), HttpAgain::kAlways);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Eventually([&] { return server_.open_connections() == 0; }));
  EXPECT_EQ(asked(), 1u);
}

TEST_F(HttpAskTest, AnAnswerHasRoomInTheMemoryOfAll) {
  server_.Answer("POST", "/", {.status = 200, .body = std::string(1 << 20, 'm')});
  MemoryCharge others(&memory_);
  ASSERT_TRUE(others.TryAdd((int64_t{63} << 20) + 1));
  EXPECT_EQ(Result(Post(), HttpAgain::kAlways).status().code(),
            absl::StatusCode::kResourceExhausted);
  others.Clear();
  Do([&] { ask_.reset(); });
  EXPECT_TRUE(Result(Post(), HttpAgain::kAlways).ok());
  Do([&] { ask_.reset(); });
  EXPECT_TRUE(Eventually([&] { return memory_.used() == 0; }));
}

TEST_F(HttpAskTest, LongestAnswer) {
  server_.Answer("POST", "/", {.body = std::string(kMaxHttpAnswer, 'm')});
  EXPECT_EQ(Result(Post(), HttpAgain::kAlways)->body.size(), kMaxHttpAnswer);
}

TEST_F(HttpAskTest, WhatCannotBeAskedIsToldFromWithin) {
  HttpRequest request = Post();
  request.url = "ftp://nowhere.invalid";
  Do([&] {
    bool told = false;
    AskHttp(client(), loop(), &memory_, request, HttpAgain::kAlways,
            [&](absl::StatusOr<HttpAnswer> answer) {
              told = true;
              EXPECT_EQ(answer.status().code(), absl::StatusCode::kInternal);
            });
    EXPECT_TRUE(told);
  });
}

TEST_F(HttpAskTest, CancelledAtEachStep) {
  server_.On("POST", "/", [](ScriptedExchange& exchange) { exchange.Hang(); });
  Begin(Post(), HttpAgain::kAlways);
  EXPECT_TRUE(Eventually([&] { return asked() == 1; }));
  Do([this] { ask_ = nullptr; });
  // While it waits for its next attempt.
  server_.Answer("POST", "/", {.status = 429, .headers = {{"Retry-After", "1"}}});
  Begin(Post(), HttpAgain::kAlways);
  EXPECT_TRUE(Eventually([&] { return asked() == 2; }));
  Pass();
  Do([this] { ask_ = nullptr; });
  absl::SleepFor(absl::Milliseconds(1200));
  Pass();
  EXPECT_EQ(answers_, 0);
  EXPECT_EQ(asked(), 2u);
}

TEST_F(HttpAskTest, DestroyedFromWithinItsCallback) {
  server_.Answer("POST", "/", {});
  Do([&] {
    ask_ = AskHttp(client(), loop(), &memory_, Post(), HttpAgain::kAlways,
                   [this](absl::StatusOr<HttpAnswer> answer) {
                     EXPECT_TRUE(answer.ok());
                     ask_ = nullptr;
                     client_ = nullptr;
                     ++answers_;
                   });
  });
  EXPECT_TRUE(Eventually([&] { return answers_ == 1; }));
}

}  // namespace
}  // namespace warren::testing
