// What goes wrong at the control plane, and what clients are told of it.

#include "absl/strings/str_cat.h"
#include "tests/e2b_replay/replay_testing.h"
#include "tests/support/held_port.h"

namespace warren::testing {
namespace {

class CreateFaultsTest : public ReplayTest {
 protected:
  void AnswerCreates(std::vector<ScriptedAnswer> answers) {
    server().Answers("POST", ReplayCloud::kCreates, std::move(answers));
  }
  // A create that is answered so fails with `code`, and is asked for `times`.
  void ExpectFails(const ScriptedAnswer& answer, absl::StatusCode code, absl::string_view words,
                   size_t times = 1) {
    SCOPED_TRACE(absl::StrCat(answer.status, " ", answer.body.substr(0, 60)));
    const size_t before = Creates();
    AnswerCreates({answer});
    ExpectError(Create().status(), code, words);
    EXPECT_EQ(Creates() - before, times);
  }
  size_t Creates() { return cloud_.Asked("POST", ReplayCloud::kCreates); }
  absl::StatusOr<v1::ListSandboxesResponse> List() {
    return Ask<v1::ListSandboxesResponse>(
        [&](auto reply) { backend().List({}, {}, std::move(reply)); });
  }
};

TEST_F(CreateFaultsTest, NoFault) {
  const auto made = Create();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->sandbox_id(), kReplaySandbox);
  EXPECT_EQ(server().requests(ReplayCloud::kCreates).at(0).header("x-api-key"), kReplayKey);
  const auto sandboxes = List();
  ASSERT_TRUE(sandboxes.ok()) << sandboxes.status();
  ASSERT_EQ(sandboxes->sandboxes_size(), 1);
  EXPECT_EQ(sandboxes->sandboxes(0).template_id(), "base");
}

TEST_F(CreateFaultsTest, KeyIsRefused) {
  ExpectFails({401, kWrongKey}, kUnavailable, "API key: the operator has to look at it");
  ExpectFails({403, kForbidden}, kUnavailable, "API key: the operator has to look at it");
}

TEST_F(CreateFaultsTest, CloudDoesNotServe) {
  ExpectFails({500, kInternalError}, kUnavailable, "status 500: try again later");
  ExpectFails({502, "<html>Bad Gateway 10.1.2.3</html>"}, kUnavailable, "status 502");
  ExpectFails({504, ""}, kUnavailable, "status 504");
  // It has no room: which a create can be told again, for nothing was made.
  ExpectFails({503, kBusy}, kUnavailable, "status 503", 3);
}

TEST_F(CreateFaultsTest, CloudHasRoomAgain) {
  AnswerCreates({{503, kBusy}, {503, kBusy}, {201, kMade}});
  EXPECT_TRUE(Create().ok());
  EXPECT_EQ(Creates(), 3u);
}

TEST_F(CreateFaultsTest, RequestIsRefused) {
  ExpectFails({404, kNoTemplate}, kNotFound, "template");
  ExpectFails({400, R"({"code":400,"message":"Timeout cannot\r\nbe greater than 1 hours"})"},
              absl::StatusCode::kInvalidArgument, "Timeout cannot  be greater than 1 hours");
  ExpectFails({400, "\xff\xfe"}, absl::StatusCode::kInvalidArgument, "");
}

TEST_F(CreateFaultsTest, RateLimit) {
  AnswerCreates({{429, kTooMany, {{"Retry-After", "0"}}}, {201, kMade}});
  EXPECT_TRUE(Create().ok());
  EXPECT_EQ(Creates(), 2u);
  AnswerCreates({{429, kTooMany, {{"Retry-After", "1"}}}, {201, kMade}});
  const absl::Time before = absl::Now();
  EXPECT_TRUE(Create().ok());
  EXPECT_EQ(Creates(), 4u);
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(900));
}

TEST_F(CreateFaultsTest, RateLimitIsWaitedForWithinBounds) {
  // Beyond what a create may take.
  for (const char* later : {"3600", "99999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT"})
    ExpectFails({429, kTooMany, {{"Retry-After", later}}}, kExhausted, "try again later");
  ExpectFails({429, kTooMany, {{"Retry-After", "0"}}}, kExhausted, "try again later",
              kMaxHttpAttempts);
  ExpectFails({429, kTooMany, {{"Retry-After", "-5"}}}, kExhausted, "rate limit", kMaxHttpAttempts);
  ExpectFails({429, kTooMany, {{"Retry-After", "soon"}}}, kExhausted, "rate limit",
              kMaxHttpAttempts);
}

TEST_F(CreateFaultsTest, NobodyListens) {
  const HeldPort nobody;
  Make(Options(nobody.Url("")));
  ExpectError(Create().status(), kUnavailable, "cannot be reached");
}

TEST_F(CreateFaultsTest, CloudSaysNothing) {
  server().On("POST", ReplayCloud::kCreates, [](ScriptedExchange& exchange) { exchange.Hang(); });
  CloudOptions options = Options(cloud_.url());
  // Of its half minute.
  options.pace = 0.02;
  Make(std::move(options));
  ExpectError(Create().status(), kDeadline, "did not answer in time");
  EXPECT_EQ(Creates(), 1u);
}

TEST_F(CreateFaultsTest, ConnectionBreaks) {
  server().On("POST", ReplayCloud::kCreates, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.connection().Break();
  });
  ExpectError(Create().status(), kUnavailable, "broke");
  // It may have been made.
  EXPECT_EQ(Creates(), 1u);
  ExpectFails({201, kMade, {}, 20}, kUnavailable, "broke");
}

TEST_F(CreateFaultsTest, NoHttp) {
  server().OnConnection([](ScriptedConnection& connection) {
    connection.Send("SSH-2.0-OpenSSH_9.9\r\n");
    connection.ReadOut();
  });
  const absl::Status status = Create().status();
  EXPECT_FALSE(status.ok());
  ExpectError(status, status.code());
}

TEST_F(CreateFaultsTest, AnswersThatAreNone) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  for (const std::string& body :
       {std::string(), std::string("null"), std::string("[]"), std::string("{\"sandboxID\":"),
        std::string("<html></html>"), deep, std::string(R"({"sandboxID":17})"),
        std::string(R"({"sandboxID":"../../v2/sandboxes?x="})"),
        std::string(R"({"sandboxID":"i9yz\u0000"})"), std::string(kMade) + "{}",
        R"({"sandboxID":")" + std::string(65, 'a') + R"("})"})
    ExpectFails({201, body}, kInternal, "");
  ExpectFails({201, std::string(kMaxHttpAnswer + 1, ' ')}, kExhausted, "too long");
  ExpectFails({201, kMade, {{"X-Long", std::string(100000, 'x')}}}, kInternal, "too long");
}

// Into a header or a URL goes only what can be there.
TEST_F(CreateFaultsTest, TokensThatAreNone) {
  AnswerCreates(
      {{201, absl::StrCat(R"({"sandboxID":")", kReplaySandbox,
                          R"(","envdAccessToken":"a\r\nX-Other: b","trafficAccessToken":)",
                          R"("a b","domain":"elsewhere.test/?"})")}});
  const auto sandbox = NewSandbox();
  EXPECT_TRUE(Run(*sandbox)->status().ok());
  const ScriptedRequest cell = server().requests(ReplayCloud::kCells).at(0);
  EXPECT_EQ(cell.header("x-access-token"), "");
  EXPECT_EQ(cell.header("e2b-traffic-access-token"), "");
  EXPECT_EQ(cell.header("x-other"), "");
}

TEST_F(CreateFaultsTest, ListsThatAreNone) {
  for (const char* body : {"{}", "17", "[", "\"a\"", "<html>"}) {
    server().Answer("GET", ReplayCloud::kCreates, {200, body});
    ExpectError(List().status(), kInternal);
  }
  server().Answer("GET", ReplayCloud::kCreates,
                  {200, absl::StrCat(R"([null, 17, [], {}, {"sandboxID": "a"}, )", kRunning, "]")});
  const auto list = List();
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->sandboxes_size(), 1);
}

// What changes nothing is asked again.
TEST_F(CreateFaultsTest, ListIsAskedAgain) {
  server().Answers(
      "GET", ReplayCloud::kCreates,
      {{502, ""}, {200, "[", {}, 0}, {503, kBusy, {{"Retry-After", "0"}}}, {200, "[]"}});
  const auto list = List();
  EXPECT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(cloud_.Asked("GET", ReplayCloud::kCreates), 4u);
}

TEST_F(CreateFaultsTest, SandboxThatIsNone) {
  for (const char* body : {"{}", "[]", "null", R"({"sandboxID":"other","metadata":{}})"}) {
    server().Answer("GET", ReplayCloud::OfSandbox(), {200, body});
    ExpectError(Open().status(), kNotFound, "no such sandbox");
  }
  server().Answer("GET", ReplayCloud::OfSandbox(), {200, "{"});
  ExpectError(Open().status(), kInternal);
  cloud_.LoseSandbox();
  ExpectError(Open().status(), kNotFound, "no such sandbox");
  // Nobody is asked for what can be none.
  const size_t asked = server().requests().size();
  ExpectError(Open("../v2/sandboxes").status(), kNotFound, "no such sandbox");
  EXPECT_EQ(server().requests().size(), asked);
}

}  // namespace
}  // namespace warren::testing
