#include "supervisor/gateway/envd/watchers.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gateway/file_testing.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class WatchersTest : public ::testing::Test {
 protected:
  WatchersTest() { gateway_.files().PutDirectory("/w"); }

  std::string Make(const json& more = json::object()) {
    json request = {{"path", "/w"}};
    request.update(more);
    const HttpAnswer answer = gateway_.Rpc("CreateWatcher", request);
    EXPECT_EQ(answer.status, 200u) << answer.body;
    return json::parse(answer.body).value("watcherId", "");
  }
  HttpAnswer Poll(const std::string& id, const std::string& sandbox_id = "sb1") {
    return gateway_.Rpc(
        "GetWatcherEvents", {{"watcherId", id}},
        {{"E2b-Sandbox-Id", sandbox_id}, {"X-Access-Token", gateway_.Token(sandbox_id)}});
  }
  json Events(const std::string& id) { return json::parse(Poll(id).body)["events"]; }

  FileGateway gateway_;
};

TEST_F(WatchersTest, KeepsWhatHappensUntilItIsAskedFor) {
  const std::string id = Make();
  EXPECT_EQ(id.size(), 33u);
  EXPECT_TRUE(Events(id).empty());
  gateway_.files().Tell(v1::FileEvent::CREATED, "/w/a");
  gateway_.files().Tell(v1::FileEvent::RENAMED, "/w/a", "/w/b");
  const json events = Events(id);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0], json({{"name", "a"}, {"type", "EVENT_TYPE_CREATE"}}));
  EXPECT_EQ(events[2], json({{"name", "b"}, {"type", "EVENT_TYPE_CREATE"}}));
  EXPECT_TRUE(Events(id).empty());
}

TEST_F(WatchersTest, IncludesEntries) {
  const std::string id = Make({{"includeEntry", true}});
  gateway_.files().Put("/w/a", "text");
  gateway_.files().Tell(v1::FileEvent::WRITTEN, "/w/a");
  EXPECT_EQ(Events(id)[0]["entry"]["path"], "/w/a");
}

TEST_F(WatchersTest, AnIdIsOfOneSandbox) {
  const std::string id = Make();
  gateway_.backend().Add("sb2");
  EXPECT_EQ(Poll(id, "sb2").status, 404u);
  EXPECT_EQ(Poll("w0").status, 404u);
  EXPECT_EQ(Poll(id).status, 200u);
}

TEST_F(WatchersTest, ARemovedOneIsNoMore) {
  const std::string id = Make();
  EXPECT_EQ(gateway_.Rpc("RemoveWatcher", {{"watcherId", id}}).status, 200u);
  EXPECT_EQ(gateway_.files().cancelled_watches(), 1u);
  EXPECT_EQ(gateway_.files().watches(), 0u);
  EXPECT_EQ(Poll(id).status, 404u);
  EXPECT_EQ(gateway_.Rpc("RemoveWatcher", {{"watcherId", id}}).status, 404u);
}

TEST_F(WatchersTest, ThoseOfASandboxAreBounded) {
  for (size_t i = 0; i < Watchers::kMaxOfSandbox; ++i) Make();
  const HttpAnswer refused = gateway_.Rpc("CreateWatcher", {{"path", "/w"}});
  EXPECT_EQ(refused.status, 429u);
  EXPECT_THAT(refused.body, HasSubstr("remove one"));
  // Those that have ended make room.
  gateway_.files().EndWatches(absl::OkStatus());
  Make();
  EXPECT_EQ(gateway_.watchers().size(), 1u);
}

TEST_F(WatchersTest, AllAreBounded) {
  const size_t sandboxes = Watchers::kMaxWatchers / Watchers::kMaxOfSandbox;
  const auto make_in = [&](size_t number) {
    const std::string id = absl::StrCat("other", number);
    return gateway_.Rpc("CreateWatcher", {{"path", "/w"}},
                        {{"E2b-Sandbox-Id", id}, {"X-Access-Token", gateway_.Token(id)}});
  };
  for (size_t i = 0; i <= sandboxes; ++i)
    gateway_.backend().Add(absl::StrCat("other", i)).PutDirectory("/w");
  for (size_t i = 0; i < Watchers::kMaxWatchers; ++i)
    ASSERT_EQ(make_in(i / Watchers::kMaxOfSandbox).status, 200u);
  EXPECT_EQ(make_in(sandboxes).status, 429u);
}

TEST_F(WatchersTest, AFullOneReadsNoMore) {
  const std::string id = Make();
  int told = 0;
  while (gateway_.files().Tell(v1::FileEvent::CREATED, absl::StrCat("/w/", told))) {
    ++told;
    ASSERT_LT(told, 1'000'000) << "it is never full";
  }
  // What it had taken is told, whole and in order.
  json last;
  int seen = 0;
  for (json events = Events(id); !events.empty(); events = Events(id)) {
    EXPECT_LE(events.size(), Watchers::kMaxPolled);
    for (const json& event : events) EXPECT_EQ(event["name"], std::to_string(seen++));
  }
  EXPECT_EQ(seen, told + 1);
}

TEST_F(WatchersTest, LostEventsAreToldBehindTheOthers) {
  const std::string id = Make();
  gateway_.files().Tell(v1::FileEvent::CREATED, "/w/a");
  gateway_.files().Tell(v1::FileEvent::OVERFLOW, "/w");
  EXPECT_EQ(Events(id).size(), 1u);
  for (int i = 0; i < 2; ++i) {
    const HttpAnswer lost = Poll(id);
    EXPECT_EQ(json::parse(lost.body)["code"], "data_loss") << lost.body;
  }
}

TEST_F(WatchersTest, AGoneDirectoryHasNothingToTell) {
  const std::string id = Make();
  gateway_.files().Tell(v1::FileEvent::REMOVED, "/w");
  gateway_.files().EndWatches(absl::OkStatus());
  EXPECT_EQ(Events(id)[0]["name"], ".");
  EXPECT_TRUE(Events(id).empty());
}

TEST_F(WatchersTest, IsOfADirectory) {
  gateway_.files().Put("/w/f", "");
  EXPECT_EQ(gateway_.Rpc("CreateWatcher", {{"path", "/w/f"}}).status, 400u);
  EXPECT_EQ(gateway_.Rpc("CreateWatcher", {{"path", "/w/none"}}).status, 404u);
  EXPECT_EQ(gateway_.watchers().size(), 0u);
}

TEST_F(WatchersTest, ForgetsThoseThatNobodyAsksFor) {
  const std::string id = Make();
  Make();
  const absl::Time made = absl::Now();
  EXPECT_EQ(Poll(id).status, 200u);
  gateway_.watchers().ForgetUnused(made);
  EXPECT_EQ(gateway_.watchers().size(), 1u);
  EXPECT_EQ(Poll(id).status, 200u);
  EXPECT_EQ(gateway_.files().cancelled_watches(), 1u);
}

TEST_F(WatchersTest, OneOfAGoneSandboxIsNotFoundWithIt) {
  const std::string id = Make();
  gateway_.files().SetState(v1::Sandbox::DEAD);
  EXPECT_EQ(Poll(id).status, 502u);
}

}  // namespace
}  // namespace warren
