#include "supervisor/gateway/control/control_plane.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/fake/fake_backend.h"
#include "supervisor/gateway/base/access_tokens.h"
#include "tests/gateway/gateway_testing.h"

namespace warren {
namespace {

using Json = nlohmann::json;

constexpr char kKey[] = "e2b_0123";

absl::StatusOr<Principal> ByKey(absl::string_view key) {
  if (absl::StartsWith(key, kKey)) return Principal{std::string(key.substr(sizeof(kKey) - 1))};
  return absl::UnauthenticatedError("no such key");
}

class ControlPlaneTest : public ::testing::TestWithParam<FakeBackend::Opens> {
 protected:
  Json Ask(absl::string_view method, absl::string_view target, absl::string_view body,
           unsigned status, const std::string& tenant = "a") {
    TestClient client(*server_);
    const HttpAnswer answer =
        client.Ask(method, target, {{"X-API-Key", kKey + tenant}}, std::string(body));
    EXPECT_EQ(answer.status, status) << method << " " << target << ": " << answer.body;
    last_ = answer;
    return Json::parse(answer.body.empty() ? "{}" : answer.body, nullptr, false);
  }
  std::string Create(const std::string& tenant = "a", absl::string_view more = "") {
    const Json made =
        Ask("POST", "/v2/sandboxes",
            absl::StrCat(R"({"templateID": "base", "allow_internet_access": false)", more, "}"),
            201, tenant);
    return made.value("sandboxID", "");
  }

  FakeBackend backend_{GetParam()};
  AccessTokens tokens_{std::string(32, 's')};
  SandboxDoor door_{backend_, tokens_};
  ControlPlane control_{door_, ByKey, {}};
  TestServer server_{[this](Exchange& exchange) { return control_.Serve(exchange); }};
  HttpAnswer last_;
};

TEST_P(ControlPlaneTest, MakesFindsListsAndEnds) {
  const std::string id = Create("a", R"(, "metadata": {"k": "v w"})");
  const Json info = Ask("GET", "/sandboxes/" + id, "", 200);
  EXPECT_EQ(info["state"], "running");
  EXPECT_EQ(info["metadata"], (Json{{"k", "v w"}}));
  EXPECT_EQ(info["envdAccessToken"], tokens_.Envd(id));
  EXPECT_EQ(Ask("GET", "/v2/sandboxes?metadata=k%3Dv%252520w", "", 200).size(), 1u);
  EXPECT_EQ(Ask("GET", "/v2/sandboxes?metadata=k%3Dx", "", 200).size(), 0u);
  EXPECT_EQ(Ask("GET", "/sandboxes", "", 200).size(), 1u);
  Ask("DELETE", "/sandboxes/" + id, "", 204);
  EXPECT_EQ(Ask("DELETE", "/sandboxes/" + id, "", 404)["code"], 404);
  Ask("GET", "/sandboxes/" + id, "", 404);
}

TEST_P(ControlPlaneTest, PagesHaveATokenForTheNext) {
  for (int i = 0; i < 3; ++i) Create();
  EXPECT_EQ(Ask("GET", "/v2/sandboxes?limit=2", "", 200).size(), 2u);
  const std::string token = last_.headers["x-next-token"];
  ASSERT_NE(token, "");
  EXPECT_EQ(Ask("GET", "/v2/sandboxes?limit=2&nextToken=" + token, "", 200).size(), 1u);
  EXPECT_EQ(last_.headers.count("x-next-token"), 0u);
}

TEST_P(ControlPlaneTest, ConnectOnlyExtends) {
  const std::string id = Create("a", R"(, "timeout": 1000)");
  const std::string before = Ask("GET", "/sandboxes/" + id, "", 200)["endAt"];
  Ask("POST", "/v2/sandboxes/" + id + "/connect", R"({"timeout": 10})", 200);
  EXPECT_EQ(Ask("GET", "/sandboxes/" + id, "", 200)["endAt"], before);
  Ask("POST", "/sandboxes/" + id + "/connect", R"({"timeout": 5000})", 200);
  EXPECT_GT(Ask("GET", "/sandboxes/" + id, "", 200)["endAt"], before);
  Ask("POST", "/sandboxes/" + id + "/timeout", R"({"timeout": 10})", 204);
  EXPECT_LT(Ask("GET", "/sandboxes/" + id, "", 200)["endAt"], before);
}

TEST_P(ControlPlaneTest, PausesAndResumes) {
  const std::string id = Create();
  Ask("POST", "/sandboxes/" + id + "/pause", "{}", 204);
  EXPECT_EQ(Ask("POST", "/sandboxes/" + id + "/pause", "", 409)["code"], 409);
  EXPECT_EQ(Ask("GET", "/sandboxes/" + id, "", 200)["state"], "paused");
  EXPECT_EQ(Ask("GET", "/v2/sandboxes?state=running", "", 200).size(), 0u);
  EXPECT_EQ(Ask("GET", "/v2/sandboxes?state=paused,running", "", 200).size(), 1u);
  Ask("GET", "/v2/sandboxes?state=", "", 400);
  Ask("POST", "/v2/sandboxes/" + id + "/connect", R"({"memory": false})", 501);
  Ask("POST", "/v2/sandboxes/" + id + "/connect", "{}", 201);
  EXPECT_EQ(Ask("GET", "/sandboxes/" + id, "", 200)["state"], "running");
  EXPECT_EQ(Ask("POST", "/sandboxes/" + id + "/pause", R"({"memory": false})", 501)["code"], 501);
  EXPECT_EQ(Ask("POST", "/sandboxes/" + id + "/resume", "{}", 409)["code"], 409);
}

TEST_P(ControlPlaneTest, AnothersSandboxIsNotThere) {
  const std::string id = Create("a");
  for (const char* what : {"", "/metrics"})
    EXPECT_EQ(Ask("GET", absl::StrCat("/sandboxes/", id, what), "", 404, "b")["code"], 404);
  for (const char* what : {"/connect", "/pause", "/timeout", "/resume", "/refreshes"})
    Ask("POST", absl::StrCat("/sandboxes/", id, what), "{}", 404, "b");
  Ask("PUT", "/sandboxes/" + id + "/network", "{}", 404, "b");
  Ask("DELETE", "/sandboxes/" + id, "", 404, "b");
  const std::string theirs = last_.body;
  Ask("DELETE", "/sandboxes/sbnone", "", 404, "b");
  EXPECT_EQ(theirs.size() - id.size(), last_.body.size() - std::string("sbnone").size())
      << "the same words as for one that never was";
  EXPECT_EQ(Ask("GET", "/v2/sandboxes", "", 200, "b").size(), 0u);
  Ask("GET", "/sandboxes/" + id, "", 200, "a");
}

TEST_P(ControlPlaneTest, AWrongKeyIsRefusedBeforeAnythingElse) {
  TestClient client(*server_);
  for (const char* target : {"/v2/sandboxes", "/nothing", "/health"}) {
    const HttpAnswer answer = client.Ask("GET", target, {{"X-API-Key", "e2b_wrong"}});
    EXPECT_EQ(answer.status, 401u) << target;
    EXPECT_EQ(Json::parse(answer.body)["code"], 401);
  }
}

TEST_P(ControlPlaneTest, WhatIsNotServedSaysSoAtOnce) {
  const std::string id = Create();
  EXPECT_EQ(Ask("POST", "/sandboxes/" + id + "/snapshots", "{}", 501)["code"], 501);
  Ask("POST", "/sandboxes/" + id + "/fork", "{}", 501);
  Ask("POST", "/v3/templates", "{}", 501);
  Ask("GET", "/nonsense", "", 404);
  Ask("PATCH", "/sandboxes", "", 405);
  Ask("POST", "/v2/sandboxes", "no json", 400);
  Ask("POST", "/v2/sandboxes", R"({"templateID": "unknown"})", 404);
}

TEST_P(ControlPlaneTest, ACreateWhoseClientWentMakesNothing) {
  {
    TestClient client(*server_);
    client.SendRequest("POST", "/v2/sandboxes", {{"X-API-Key", "e2b_0123a"}},
                       R"({"templateID": "slow", "allow_internet_access": false})");
    for (int i = 0; i < 1000 && backend_.waiting_creates() == 0; ++i)
      absl::SleepFor(absl::Milliseconds(5));
    ASSERT_EQ(backend_.waiting_creates(), 1u);
  }
  for (int i = 0; i < 1000 && backend_.waiting_creates() > 0; ++i)
    absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(backend_.waiting_creates(), 0u);
  EXPECT_EQ(backend_.sandboxes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Opens, ControlPlaneTest,
                         ::testing::Values(FakeBackend::Opens::kInPlace,
                                           FakeBackend::Opens::kLater));

}  // namespace
}  // namespace warren
