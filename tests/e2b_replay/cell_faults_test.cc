// What goes wrong while code runs. It is never run twice.

#include "absl/strings/str_cat.h"
#include "tests/e2b_replay/replay_testing.h"
#include "tests/support/held_port.h"

namespace warren::testing {
namespace {

class CellFaultsTest : public ReplayTest {
 protected:
  size_t Cells() { return cloud_.Asked("POST", ReplayCloud::kCells); }
  // A script that says this of a stream of lines, and then ends the connection.
  void CutAfter(std::string said) {
    server().On("POST", ReplayCloud::kCells, [said](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.StartChunks({});
      exchange.SendChunk(said);
    });
  }
  // A cell fails with `code`, and was asked for `times`.
  void ExpectFails(absl::StatusCode code, absl::string_view words, size_t times = 1) {
    const size_t before = Cells();
    const auto sink = Run(*NewSandbox());
    ExpectError(sink->status(), code, words);
    EXPECT_EQ(sink->ends(), 1);
    EXPECT_EQ(Cells() - before, times);
  }
};

TEST_F(CellFaultsTest, NoFault) {
  const auto sandbox = NewSandbox();
  const auto sink = Run(*sandbox);
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->out(), "hello\n");
  EXPECT_EQ(sink->kind(), v1::Termination::EXITED);
  const ScriptedRequest cell = server().requests(ReplayCloud::kCells).at(0);
  EXPECT_EQ(cell.header("e2b-sandbox-id"), kReplaySandbox);
  EXPECT_EQ(cell.header("e2b-sandbox-port"), "49999");
  EXPECT_EQ(cell.header("x-access-token"), kReplayEnvdToken);
  EXPECT_EQ(cell.header("e2b-traffic-access-token"), kReplayTrafficToken);
  // It is the control plane's alone.
  EXPECT_EQ(cell.header("x-api-key"), "");
}

TEST_F(CellFaultsTest, ByteByByte) {
  std::vector<std::string> bytes;
  for (const char c : absl::StrCat(kCount, "\n", kHello, kKeepalive, kEndOfCell))
    bytes.emplace_back(1, c);
  cloud_.OnCell(std::move(bytes));
  const auto sink = Run(*NewSandbox());
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->out(), "hello\n");
}

TEST_F(CellFaultsTest, StreamIsCut) {
  CutAfter(absl::StrCat(kCount, kHello, "{\"type\":\"std"));
  const auto sink = Run(*NewSandbox());
  ExpectError(sink->status(), kUnavailable, "it was not run again");
  EXPECT_EQ(sink->out(), "hello\n");
  EXPECT_EQ(Cells(), 1u);
}

TEST_F(CellFaultsTest, EndsWithoutTheEnd) {
  cloud_.OnCell({kCount, kHello});
  ExpectFails(kUnavailable, "it was not run again");
}

TEST_F(CellFaultsTest, SandboxEndsMeanwhile) {
  const auto sandbox = NewSandbox();
  CutAfter(kHello);
  cloud_.LoseSandbox();
  const auto sink = Run(*sandbox);
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->kind(), v1::Termination::KILLED);
  EXPECT_EQ(Cells(), 1u);
}

TEST_F(CellFaultsTest, BreaksBeforeTheAnswer) {
  server().On("POST", ReplayCloud::kCells, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.connection().Break();
  });
  ExpectFails(kUnavailable, "whether the code ran is not known, and it was not sent again");
}

// A connection that was kept, and that the cloud ends as the next cell comes.
TEST_F(CellFaultsTest, KeptConnectionBreaks) {
  const auto sandbox = NewSandbox();
  // Its end is the answer's, so that the connection is kept by the time that the next one is run.
  server().Answer("POST", ReplayCloud::kCells, {.body = absl::StrCat(kHello, kEndOfCell)});
  EXPECT_TRUE(Run(*sandbox)->status().ok());
  server().On("POST", ReplayCloud::kCells, [](ScriptedExchange& exchange) { exchange.ReadBody(); });
  ExpectError(Run(*sandbox)->status(), kUnavailable, "not sent again");
  const auto cells = server().requests(ReplayCloud::kCells);
  ASSERT_EQ(cells.size(), 2u);
  EXPECT_EQ(cells[0].connection, cells[1].connection);
}

TEST_F(CellFaultsTest, LinesThatAreNone) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  for (const std::string& line :
       {std::string("garbage\n"), std::string("[]\n"), std::string("17\n"), std::string("{\n"),
        std::string("{}{}\n"), std::string("{\"type\":\"stdout\",\"text\":\"\xff\xfe\"\n"),
        std::string("\0\n", 2), deep + "\n"}) {
    SCOPED_TRACE(line.substr(0, 40));
    cloud_.OnCell({kHello, line, kEndOfCell});
    ExpectFails(kInternal, "code interpreter");
  }
}

TEST_F(CellFaultsTest, LineWithoutAnEnd) {
  server().On("POST", ReplayCloud::kCells, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({});
    const std::string part(1 << 20, 'x');
    while (exchange.SendChunk(part)) {
    }
  });
  ExpectFails(kInternal, "does not end");
}

TEST_F(CellFaultsTest, LongLines) {
  const std::string text(8 << 20, 'y');
  cloud_.OnCell({absl::StrCat("{\"type\":\"stdout\",\"text\":\"", text, "\"}\n"), kEndOfCell});
  const auto sink = Run(*NewSandbox());
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->out().size(), text.size());
  cloud_.OnCell({absl::StrCat("{\"type\":\"result\",\"text\":\"", text, "\"}\n"), kEndOfCell});
  ExpectFails(kInternal, "larger than one may be");
}

TEST_F(CellFaultsTest, WhatIsNotKnownIsLeftOut) {
  cloud_.OnCell({"{\"type\":\"telepathy\"}\n{}\n{\"type\":17}\n", "{\"type\":\"stdout\"}\n",
                 "{\"type\":\"number_of_executions\",\"execution_count\":1e300}\n", kHello,
                 kEndOfCell, "garbage behind the end\n"});
  const auto sink = Run(*NewSandbox());
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->out(), "hello\n");
}

TEST_F(CellFaultsTest, Refusals) {
  struct Refusal {
    ScriptedAnswer answer;
    absl::StatusCode code;
  };
  for (const Refusal& each :
       {Refusal{{500, "Internal Server Error"}, kUnavailable}, Refusal{{502, kGone}, kUnavailable},
        Refusal{{503, ""}, kUnavailable}, Refusal{{401, "no token"}, kUnavailable},
        Refusal{{404, "Context a not found"}, kNotFound},
        Refusal{{400, "no code"}, absl::StatusCode::kInvalidArgument},
        Refusal{{204, ""}, kInternal}, Refusal{{302, ""}, kUnavailable}}) {
    SCOPED_TRACE(each.answer.status);
    server().Answer("POST", ReplayCloud::kCells, each.answer);
    ExpectFails(each.code, "");
  }
}

TEST_F(CellFaultsTest, SandboxIsGoneOrPaused) {
  const auto sandbox = NewSandbox();
  server().Answer("POST", ReplayCloud::kCells, {502, kGone});
  server().Answer("GET", ReplayCloud::OfSandbox(), {200, R"({"state":"paused"})"});
  ExpectError(Run(*sandbox)->status(), absl::StatusCode::kFailedPrecondition, "paused");
  cloud_.LoseSandbox();
  ExpectError(Run(*sandbox)->status(), kNotFound, "no such sandbox");
  EXPECT_EQ(Cells(), 2u);
}

TEST_F(CellFaultsTest, RateLimit) {
  int refusals = 2;
  server().On("POST", ReplayCloud::kCells, [&refusals](ScriptedExchange& exchange) {
    if (refusals-- > 0) {
      exchange.Answer({429, kTooMany, {{"Retry-After", "0"}}});
    } else {
      exchange.Answer({200, absl::StrCat(kHello, kEndOfCell)});
    }
  });
  const auto sink = Run(*NewSandbox());
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->out(), "hello\n");
  EXPECT_EQ(Cells(), 3u);
}

TEST_F(CellFaultsTest, RateLimitIsWaitedForWithinBounds) {
  server().Answer("POST", ReplayCloud::kCells, {429, kTooMany, {{"Retry-After", "0"}}});
  ExpectFails(kExhausted, "try again later", 4);
  // Beyond the cell's time: it is told at once.
  server().Answer("POST", ReplayCloud::kCells, {429, kTooMany, {{"Retry-After", "3600"}}});
  const auto sandbox = NewSandbox();
  const size_t before = Cells();
  ExpectError(Run(*sandbox, absl::Minutes(10))->status(), kExhausted, "try again later");
  EXPECT_EQ(Cells() - before, 1u);
}

TEST_F(CellFaultsTest, CloudSaysNothing) {
  const auto sandbox = NewSandbox();
  server().On("POST", ReplayCloud::kCells, [](ScriptedExchange& exchange) { exchange.Hang(); });
  ExpectError(Run(*sandbox, absl::Seconds(1))->status(), kDeadline, "was not sent again");
  server().On("POST", ReplayCloud::kCells, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({});
    exchange.SendChunk(kHello);
    exchange.Hang();
  });
  const auto sink = Run(*sandbox, absl::Seconds(1));
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->kind(), v1::Termination::TIMED_OUT);
  EXPECT_EQ(Cells(), 2u);
  // Their connections went with them.
  EXPECT_TRUE(Eventually([&] { return server().open_connections() <= 2; }));
}

// E2B says something every five seconds.
TEST_F(CellFaultsTest, CloudFallsSilent) {
  CloudOptions options = Options(cloud_.url());
  // Of a minute, and of half a minute for what is answered at once.
  options.pace = 0.02;
  Make(std::move(options));
  ASSERT_TRUE(Eventually([&] { return Create().ok(); }));
  ASSERT_TRUE(Eventually([&] { return Open().ok(); }));
  const auto sandbox = *Open();
  server().On("POST", ReplayCloud::kCells, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({});
    exchange.SendChunk(kHello);
    exchange.Hang();
  });
  ExpectError(Run(*sandbox, absl::Minutes(10))->status(), kUnavailable, "not run again");
  EXPECT_EQ(Cells(), 1u);
}

TEST_F(CellFaultsTest, NobodyListensAtTheSandbox) {
  CloudOptions options = Options(cloud_.url());
  const HeldPort nobody;
  options.sandbox_url = nobody.Url("");
  Make(std::move(options));
  ExpectFails(kUnavailable, "the code was not run", 0);
}

TEST_F(CellFaultsTest, ContextsThatAreNone) {
  const auto sandbox = NewSandbox();
  const auto list = [&] {
    return Ask<v1::ListContextsResponse>(
        [&](auto reply) { sandbox->ListContexts({}, std::move(reply)); });
  };
  ASSERT_TRUE(list().ok());
  EXPECT_EQ(list()->contexts_size(), 2);
  for (const char* body : {"", "{}", "null", "[{]"}) {
    server().Answer("GET", "/contexts", {200, body});
    ExpectError(list().status(), kInternal);
    server().Answer("POST", "/contexts", {200, body});
    ExpectError(Ask<v1::Context>([&](auto reply) {
                  sandbox->CreateContext({}, {}, std::move(reply));
                }).status(),
                kInternal);
  }
  // It may have been made.
  server().Answer("POST", "/contexts", {503, ""});
  const size_t before = cloud_.Asked("POST", "/contexts");
  ExpectError(Ask<v1::Context>([&](auto reply) {
                sandbox->CreateContext({}, {}, std::move(reply));
              }).status(),
              kUnavailable);
  EXPECT_EQ(cloud_.Asked("POST", "/contexts") - before, 1u);
}

}  // namespace
}  // namespace warren::testing
