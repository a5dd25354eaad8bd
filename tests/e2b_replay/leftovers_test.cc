// What a cloud that fails could leave behind, and charge for: it is found and removed. And what is
// known of a sandbox when the cloud's word comes late.

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "supervisor/e2b/control/create_body.h"
#include "tests/e2b_replay/replay_testing.h"

namespace warren::testing {
namespace {

class LeftoversTest : public ReplayTest {
 protected:
  // What is tried again in seconds is so here in parts of them.
  CloudOptions Quick() {
    CloudOptions options = Options(cloud_.url());
    options.pace = 0.2;
    return options;
  }
  // Of the create that came last.
  std::string Nonce() {
    std::string nonce;
    for (const ScriptedRequest& each : server().requests(ReplayCloud::kCreates)) {
      if (each.method != "POST") continue;
      const auto body = nlohmann::json::parse(each.body, nullptr, false);
      nonce = body["metadata"].value(kCreateNote, "");
    }
    return nonce;
  }
  // The cloud's list has the sandbox, which was made by the create that came last.
  void ListWhatWasMade() {
    server().On("GET", ReplayCloud::kCreates, [this](ScriptedExchange& exchange) {
      auto made = nlohmann::json::parse(kRunning);
      made["metadata"][kCreateNote] = Nonce();
      exchange.Answer({200, nlohmann::json::array({made}).dump()});
    });
  }
  void BreakCreates() {
    server().On("POST", ReplayCloud::kCreates, [](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.connection().Break();
    });
  }
  bool IsAsked(const std::string& method, const std::string& path, size_t times = 1) {
    return Eventually([&] { return cloud_.Asked(method, path) >= times; });
  }
  size_t Creates() { return cloud_.Asked("POST", ReplayCloud::kCreates); }
  size_t Lists() { return cloud_.Asked("GET", ReplayCloud::kCreates); }
  // Each create makes another one: "made1", "made2". Of these only `others` are scripted.
  void MakeOthers(std::function<void(ScriptedExchange&)> others, const Gate* gate = nullptr) {
    server().On("POST", ReplayCloud::kCreates, [this, gate](ScriptedExchange& exchange) {
      exchange.ReadBody();
      if (gate != nullptr && !exchange.WaitFor(*gate)) return;
      auto made = nlohmann::json::parse(kMade);
      made["sandboxID"] = absl::StrCat("made", ++made_);
      exchange.Answer({201, made.dump()});
    });
    server().OnOther(std::move(others));
  }

  std::atomic<int> made_{0};
};

TEST_F(LeftoversTest, WhatACreateWithoutAnAnswerMadeIsRemoved) {
  Make(Quick());
  BreakCreates();
  ListWhatWasMade();
  ExpectError(Create().status(), kUnavailable, "broke");
  EXPECT_TRUE(IsAsked("DELETE", ReplayCloud::OfSandbox()));
  ASSERT_FALSE(Nonce().empty());
  for (const ScriptedRequest& each : server().requests(ReplayCloud::kCreates)) {
    if (each.method == "POST") continue;
    EXPECT_TRUE(absl::StrContains(each.target, Nonce())) << each.target;
  }
  EXPECT_EQ(Creates(), 1u);
  Pass();
  EXPECT_FALSE(absl::StrContains(LogAtTheEnd(), "cloud_sandbox_left"));
}

TEST_F(LeftoversTest, WhatAnAnswerDoesNotNameIsRemoved) {
  Make(Quick());
  for (const ScriptedAnswer& answer : {ScriptedAnswer{500, kInternalError}, {201, "{}"}}) {
    const size_t before = cloud_.Removed();
    server().Answer("POST", ReplayCloud::kCreates, answer);
    ListWhatWasMade();
    EXPECT_FALSE(Create().ok());
    EXPECT_TRUE(IsAsked("DELETE", ReplayCloud::OfSandbox(), before + 1));
  }
}

// The cloud may not know the filter, or be late.
TEST_F(LeftoversTest, StrangersAreLeftAlone) {
  Make(Quick());
  BreakCreates();
  ExpectError(Create().status(), kUnavailable, "broke");
  EXPECT_TRUE(Eventually([&] { return Lists() >= 2; }));
  EXPECT_EQ(cloud_.Removed(), 0u);
  // It is not known, and nothing can be done about that any more.
  EXPECT_TRUE(absl::StrContains(LogAtTheEnd(), "event=cloud_sandbox_left"));
}

TEST_F(LeftoversTest, NothingIsLookedForWhereNothingWasMade) {
  Make(Quick());
  server().Answer("POST", ReplayCloud::kCreates, {404, kNoTemplate});
  ExpectError(Create().status(), kNotFound);
  EXPECT_FALSE(absl::StrContains(LogAtTheEnd(), "event=cloud_sandbox_left"));
  EXPECT_EQ(Lists(), 0u);
}

TEST_F(LeftoversTest, ABusyCloudThatHasMadeOneIsNotAskedAgain) {
  Make(Quick());
  server().Answer("POST", ReplayCloud::kCreates, {503, kBusy});
  ListWhatWasMade();
  ExpectError(Create().status(), kUnavailable, "status 503");
  EXPECT_EQ(Creates(), 1u);
  EXPECT_TRUE(IsAsked("DELETE", ReplayCloud::OfSandbox()));
}

TEST_F(LeftoversTest, RemovingIsTriedAgain) {
  Make(Quick());
  server().Answers("DELETE", ReplayCloud::OfSandbox(), {{500, kInternalError}, {.status = 204}});
  BreakCreates();
  ListWhatWasMade();
  EXPECT_FALSE(Create().ok());
  EXPECT_TRUE(IsAsked("DELETE", ReplayCloud::OfSandbox(), 2));
  Pass();
  EXPECT_FALSE(absl::StrContains(LogAtTheEnd(), "event=cloud_sandbox_left"));
}

TEST_F(LeftoversTest, WhatCannotBeRemovedIsLogged) {
  Make(Quick());
  server().Answer("DELETE", ReplayCloud::OfSandbox(), {500, kInternalError});
  BreakCreates();
  ListWhatWasMade();
  EXPECT_FALSE(Create().ok());
  EXPECT_TRUE(IsAsked("DELETE", ReplayCloud::OfSandbox(), 2));
  EXPECT_TRUE(absl::StrContains(LogAtTheEnd(), absl::StrCat("event=cloud_sandbox_left backend=e2b ",
                                                            "sandbox=", kReplaySandbox)));
}

// ---- Those that are kept ready

TEST_F(LeftoversTest, AWarmOneThatCannotBeGivenIsRemoved) {
  MakeOthers([](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.Answer({absl::EndsWith(exchange.request().path(), "/timeout") ? 500 : 204, ""});
  });
  CloudOptions options = Quick();
  options.warm = {{"base", 1}};
  Make(std::move(options));
  EXPECT_TRUE(Eventually([&] { return Creates() >= 1; }));
  Pass();
  const auto made = Create();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_NE(made->sandbox_id(), "made1");
  EXPECT_TRUE(IsAsked("POST", "/sandboxes/made1/timeout"));
  EXPECT_TRUE(IsAsked("DELETE", "/sandboxes/made1"));
}

// What is noted of a warm one in the cloud is the default.
TEST_F(LeftoversTest, AWarmOneIsForCreatesOfTheDefaultLifetime) {
  MakeOthers([](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.Answer({.status = 204});
  });
  CloudOptions options = Quick();
  options.warm = {{"base", 1}};
  Make(std::move(options));
  EXPECT_TRUE(Eventually([&] { return Creates() >= 1; }));
  Pass();
  v1::CreateSandboxRequest other;
  other.mutable_lifetime()->set_seconds(77);
  auto made = Ask<v1::Sandbox>([&](auto reply) { backend().Create({}, other, std::move(reply)); });
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->sandbox_id(), "made2");
  made = Create();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->sandbox_id(), "made1");
  EXPECT_EQ(made->lifetime_from(), v1::LIFETIME_FROM_LAST_USE);
}

TEST_F(LeftoversTest, AWarmOneThatIsBeingMadeAtTheEndIsRemoved) {
  Gate gate;
  MakeOthers(
      [](ScriptedExchange& exchange) {
        exchange.ReadBody();
        exchange.Answer({.status = 204});
      },
      &gate);
  CloudOptions options = Options(cloud_.url());
  options.warm = {{"base", 1}};
  Make(std::move(options));
  EXPECT_TRUE(Eventually([&] { return Creates() == 1; }));
  std::thread ending([&] { backend_ = nullptr; });
  gate.Open();
  ending.join();
  EXPECT_EQ(cloud_.Asked("DELETE", "/sandboxes/made1"), 1u);
  EXPECT_EQ(Creates(), 1u);
}

// ---- What is known of a sandbox

TEST_F(LeftoversTest, ACallThatTheCloudDoesNotHaveForgetsNoSandbox) {
  Make(Quick());
  const auto sandbox = NewSandbox();
  const auto metrics = [&] {
    return Ask<v1::SandboxMetrics>([&](auto reply) { sandbox->GetMetrics({}, std::move(reply)); });
  };
  std::atomic<int> forgotten{0};
  backend().OnForgotten([&](const std::string&) { ++forgotten; });
  ExpectError(metrics().status(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(forgotten, 0);
  cloud_.LoseSandbox();
  ExpectError(metrics().status(), kNotFound, "no such sandbox");
  EXPECT_EQ(forgotten, 1);
}

TEST_F(LeftoversTest, AnAnswerAfterTheEndChangesNothing) {
  Make(Quick());
  const auto sandbox = NewSandbox();
  Gate gate;
  server().On("GET", ReplayCloud::OfSandbox(), [&](ScriptedExchange& exchange) {
    if (exchange.WaitFor(gate)) exchange.Answer({200, kRunning});
  });
  std::atomic<bool> told{false};
  absl::Status status;
  sandbox->Get({}, [&](const absl::StatusOr<v1::Sandbox>& got) {
    status = got.status();
    told = true;
  });
  EXPECT_TRUE(IsAsked("GET", ReplayCloud::OfSandbox()));
  auto destroyed =
      Ask<v1::DestroySandboxResponse>([&](auto reply) { sandbox->Destroy({}, std::move(reply)); });
  EXPECT_TRUE(destroyed.ok()) << destroyed.status();
  gate.Open();
  ASSERT_TRUE(Eventually([&] { return told.load(); }));
  ExpectError(status, kNotFound, "no such sandbox");
}

TEST_F(LeftoversTest, OneWhoseLifetimeHasEndedIsForgotten) {
  CloudOptions options = Options(cloud_.url());
  options.pace = 0.1;
  Make(std::move(options));
  std::atomic<int> forgotten{0};
  backend().OnForgotten([&](const std::string&) { ++forgotten; });
  int wanted = 0;
  for (const auto from : {v1::LIFETIME_FROM_CREATION, v1::LIFETIME_FROM_LAST_USE}) {
    v1::CreateSandboxRequest request;
    request.mutable_lifetime()->set_seconds(1);
    request.set_lifetime_from(from);
    auto made =
        Ask<v1::Sandbox>([&](auto reply) { backend().Create({}, request, std::move(reply)); });
    ASSERT_TRUE(made.ok()) << made.status();
    cloud_.LoseSandbox();
    ++wanted;
    EXPECT_TRUE(Eventually([&] { return forgotten == wanted; }));
  }
}

TEST_F(LeftoversTest, ALifetimeThatCouldNotBeRenewedIsRenewedLater) {
  server().Answers("POST", ReplayCloud::OfSandbox("/timeout"),
                   {{500, kInternalError}, {.status = 204}});
  v1::CreateSandboxRequest request;
  request.mutable_lifetime()->set_seconds(4);
  auto made =
      Ask<v1::Sandbox>([&](auto reply) { backend().Create({}, request, std::move(reply)); });
  ASSERT_TRUE(made.ok()) << made.status();
  auto sandbox = Open();
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  // Uses are told apart by the ticks of a coarse clock.
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_TRUE(Run(**sandbox)->status().ok());
  EXPECT_TRUE(IsAsked("POST", ReplayCloud::OfSandbox("/timeout"), 2));
}

TEST_F(LeftoversTest, AllPagesOfWhatRunsAreCountedThoughTheCloudFailsAtFirst) {
  server().Answers("GET", ReplayCloud::kCreates,
                   {{500, kInternalError},
                    {200, absl::StrCat("[", kRunning, "]"), {{"X-Next-Token", "behind"}}},
                    {200,
                     R"([{"sandboxID":"another","state":"running",
                         "metadata":{"warren-tenant":""}}])"}});
  config::Budget budget;
  budget.set_sandbox_minutes(100);
  CloudOptions options = Options(cloud_.url());
  options.pace = 0.1;
  auto made = E2bBackend::Make(std::move(options), budget);
  ASSERT_TRUE(made.ok()) << made.status();
  backend_ = *std::move(made);
  EXPECT_TRUE(IsAsked("GET", ReplayCloud::OfSandbox()));
  EXPECT_TRUE(IsAsked("GET", "/sandboxes/another"));
  EXPECT_EQ(Lists(), 3u);
  EXPECT_TRUE(absl::StrContains(server().requests(ReplayCloud::kCreates).at(2).target, "behind"));
}

}  // namespace
}  // namespace warren::testing
