#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/gateway/envd/filesystem_service.h"
#include "tests/gateway/file_testing.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json BodyOf(const HttpAnswer& answer) { return json::parse(answer.body, nullptr, false); }

std::map<std::string, std::string> As(absl::string_view user) {
  return {{"Authorization", absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(user, ":")))}};
}

void ExpectError(const HttpAnswer& answer, unsigned status, absl::string_view code,
                 absl::string_view message) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(BodyOf(answer).value("code", ""), code);
  EXPECT_THAT(BodyOf(answer).value("message", ""), HasSubstr(std::string(message)));
}

// ---- Questions --------------------------------------------------------------------------------

TEST(FilesystemTest, TellsOfAnEntry) {
  FileGateway gateway;
  gateway.files().Put("/home/user/a.txt", "hello");
  const HttpAnswer answer = gateway.Rpc("Stat", {{"path", "a.txt"}});
  EXPECT_EQ(answer.status, 200u);
  const json entry = BodyOf(answer)["entry"];
  EXPECT_EQ(entry["name"], "a.txt");
  EXPECT_EQ(entry["path"], "/home/user/a.txt");
  EXPECT_EQ(entry["type"], "FILE_TYPE_FILE");
  EXPECT_EQ(entry["size"], "5");
  EXPECT_EQ(entry["mode"], 0644);
  EXPECT_EQ(entry["permissions"], "-rw-r--r--");
  EXPECT_EQ(entry["owner"], "user");
  EXPECT_EQ(entry["modifiedTime"], "2023-11-14T22:13:20Z");
  EXPECT_FALSE(entry.contains("symlinkTarget"));
}

TEST(FilesystemTest, TellsWhereALinkLeads) {
  FileGateway gateway;
  gateway.files().Put("/home/user/target", "12345678");
  gateway.files().SetMode("/home/user/target", 0600);
  gateway.files().PutLink("/home/user/inner", "./target");
  gateway.files().PutLink("/home/user/outer", "/home/user/inner");
  gateway.files().PutLink("/home/user/nowhere", "missing");
  gateway.files().PutLink("/home/user/loop", "loop");
  const json entry = BodyOf(gateway.Rpc("Stat", {{"path", "outer"}}))["entry"];
  EXPECT_EQ(entry["type"], "FILE_TYPE_FILE");
  EXPECT_EQ(entry["mode"], 0600);
  EXPECT_EQ(entry["permissions"], "Lrwxrwxrwx");
  EXPECT_EQ(entry["symlinkTarget"], "/home/user/target");
  const json dangling = BodyOf(gateway.Rpc("Stat", {{"path", "nowhere"}}))["entry"];
  EXPECT_EQ(dangling["type"], "FILE_TYPE_SYMLINK");
  EXPECT_EQ(dangling["symlinkTarget"], "/home/user/missing");
  EXPECT_EQ(BodyOf(gateway.Rpc("Stat", {{"path", "loop"}}))["entry"]["type"], "FILE_TYPE_SYMLINK");
}

TEST(FilesystemTest, SaysWhatIsNotThere) {
  FileGateway gateway;
  ExpectError(gateway.Rpc("Stat", {{"path", "none"}}), 404, "not_found",
              "path '/home/user/none' does not exist");
  ExpectError(gateway.Rpc("Stat", {{"path", "~root/x"}}), 400, "invalid_argument", "home");
}

TEST(FilesystemTest, MakesDirectories) {
  FileGateway gateway;
  EXPECT_EQ(gateway.Rpc("MakeDir", {{"path", "a/b"}}).status, 200u);
  EXPECT_EQ(BodyOf(gateway.Rpc("Stat", {{"path", "a/b"}}))["entry"]["type"], "FILE_TYPE_DIRECTORY");
  ExpectError(gateway.Rpc("MakeDir", {{"path", "a/b"}}), 409, "already_exists",
              "directory already exists: /home/user/a/b");
  gateway.files().Put("/home/user/f", "");
  ExpectError(gateway.Rpc("MakeDir", {{"path", "f"}}), 400, "invalid_argument",
              "not a directory: /home/user/f");
}

TEST(FilesystemTest, MovesIntoDirectoriesThatItMakes) {
  FileGateway gateway;
  gateway.files().Put("/home/user/a", "text");
  const HttpAnswer answer = gateway.Rpc("Move", {{"source", "a"}, {"destination", "new/dir/b"}});
  EXPECT_EQ(BodyOf(answer)["entry"]["path"], "/home/user/new/dir/b");
  EXPECT_EQ(gateway.files().Contents("/home/user/new/dir/b"), "text");
  ExpectError(gateway.Rpc("Move", {{"source", "a"}, {"destination", "c"}}), 404, "not_found",
              "/home/user/a");
}

TEST(FilesystemTest, RemovesTreesAndWhatIsNotThere) {
  FileGateway gateway;
  gateway.files().PutDirectory("/home/user/d");
  gateway.files().Put("/home/user/d/a", "");
  EXPECT_EQ(gateway.Rpc("Remove", {{"path", "d"}}).status, 200u);
  EXPECT_EQ(gateway.files().Contents("/home/user/d/a"), "(none)");
  EXPECT_EQ(gateway.Rpc("Remove", {{"path", "d"}}).status, 200u);
}

// ---- Lists ------------------------------------------------------------------------------------

std::vector<std::string> ListedPaths(const HttpAnswer& answer) {
  std::vector<std::string> paths;
  const json body = BodyOf(answer);
  for (const json& entry : body["entries"]) paths.push_back(entry["path"]);
  return paths;
}

TEST(FilesystemTest, ListsInTheOrderOfAWalk) {
  FileGateway gateway;
  for (const char* directory : {"/w", "/w/b", "/w/b/deep"}) gateway.files().PutDirectory(directory);
  for (const char* file : {"/w/a", "/w/b/x", "/w/b.txt", "/w/b/deep/y"})
    gateway.files().Put(file, "");
  EXPECT_THAT(ListedPaths(gateway.Rpc("ListDir", {{"path", "/w"}})),
              ElementsAre("/w/a", "/w/b", "/w/b.txt"));
  EXPECT_THAT(ListedPaths(gateway.Rpc("ListDir", {{"path", "/w"}, {"depth", 2}})),
              ElementsAre("/w/a", "/w/b", "/w/b/deep", "/w/b/x", "/w/b.txt"));
  EXPECT_EQ(ListedPaths(gateway.Rpc("ListDir", {{"path", "/w"}, {"depth", 4294967295u}})).size(),
            6u);
}

TEST(FilesystemTest, ListsNothingButDirectories) {
  FileGateway gateway;
  gateway.files().Put("/home/user/f", "");
  ExpectError(gateway.Rpc("ListDir", {{"path", "f"}}), 400, "invalid_argument",
              "path '/home/user/f' is not a directory");
  ExpectError(gateway.Rpc("ListDir", {{"path", "none"}}), 404, "not_found", "/home/user/none");
}

TEST(FilesystemTest, ListsHaveABound) {
  FileGateway gateway;
  gateway.files().PutDirectory("/w");
  // Names of 4000 bytes: some 8 MiB in each of five.
  for (int i = 0; i < 10'000; ++i)
    gateway.files().Put(absl::StrCat("/w/", i, "-", std::string(4000, 'n')), "");
  ExpectError(gateway.Rpc("ListDir", {{"path", "/w"}}), 429, "resource_exhausted", "longer than");
}

// ---- Who may ----------------------------------------------------------------------------------

TEST(FilesystemTest, ActsAsTheUserOfTheHeader) {
  FileGateway gateway;
  gateway.files().Put("/root/a", "");
  EXPECT_EQ(gateway.Rpc("Stat", {{"path", "a"}}, As("root")).status, 200u);
  EXPECT_EQ(gateway.files().last_user(), "root");
  gateway.Rpc("Stat", {{"path", "a"}});
  EXPECT_EQ(gateway.files().last_user(), "");
  ExpectError(gateway.Rpc("Stat", {{"path", "a"}}, As("mallory")), 401, "unauthenticated",
              "invalid username: 'mallory'");
}

TEST(FilesystemTest, NeedsTheToken) {
  FileGateway gateway;
  ExpectError(gateway.Rpc("Stat", {{"path", "/"}}, {{"X-Access-Token", "wrong"}}), 401,
              "unauthenticated", "access token");
  ExpectError(gateway.Rpc("Stat", {{"path", "/"}}, {{"X-Access-Token", gateway.Token("sb2")}}), 401,
              "unauthenticated", "access token");
}

TEST(FilesystemTest, IsOfASandboxThatIsThere) {
  FileGateway gateway;
  gateway.files().SetState(v1::Sandbox::DEAD);
  const HttpAnswer answer = gateway.Rpc("Stat", {{"path", "/"}});
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(BodyOf(answer)["message"], "The sandbox was not found");
}

TEST(FilesystemTest, RefusesOtherMethodsAndBodies) {
  FileGateway gateway;
  ExpectError(gateway.Rpc("Format", json::object()), 501, "unimplemented", "Format");
  ExpectError(gateway.Rpc("Stat", {{"path", 5}}), 400, "invalid_argument", "JSON");
}

// ---- Watches ----------------------------------------------------------------------------------

class FilesystemWatchTest : public ::testing::Test {
 protected:
  FilesystemWatchTest() { gateway_.files().PutDirectory("/w"); }

  void Begin(const json& request, const std::map<std::string, std::string>& headers = {}) {
    gateway_.SendStream(client_, "WatchDir", request, headers);
    ASSERT_TRUE(Eventually([this] { return gateway_.files().watches() == 1; }));
  }
  std::vector<json> End(const absl::Status& status = absl::OkStatus()) {
    gateway_.files().EndWatches(status);
    return StreamMessages(client_.ReadAnswer().body);
  }

  FileGateway gateway_;
  TestClient client_{gateway_.server()};
};

TEST_F(FilesystemWatchTest, StreamsWhatHappens) {
  Begin({{"path", "/w"}, {"recursive", true}});
  gateway_.files().Tell(v1::FileEvent::CREATED, "/w/sub/a");
  gateway_.files().Tell(v1::FileEvent::RENAMED, "/w/a", "/w/b");
  const std::vector<json> messages = End();
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_TRUE(messages[0].contains("start"));
  EXPECT_EQ(messages[1]["filesystem"], json({{"name", "sub/a"}, {"type", "EVENT_TYPE_CREATE"}}));
  EXPECT_EQ(messages[2]["filesystem"], json({{"name", "a"}, {"type", "EVENT_TYPE_RENAME"}}));
  EXPECT_EQ(messages[3]["filesystem"], json({{"name", "b"}, {"type", "EVENT_TYPE_CREATE"}}));
  EXPECT_EQ(messages[4], json::object());
}

TEST_F(FilesystemWatchTest, IncludesEntriesThatAreThere) {
  Begin({{"path", "/w"}, {"includeEntry", true}});
  gateway_.files().Put("/w/a", "text");
  gateway_.files().Tell(v1::FileEvent::WRITTEN, "/w/a");
  gateway_.files().Tell(v1::FileEvent::REMOVED, "/w/b");
  const std::vector<json> messages = End();
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[1]["filesystem"]["entry"]["path"], "/w/a");
  EXPECT_FALSE(messages[2]["filesystem"].contains("entry"));
}

TEST_F(FilesystemWatchTest, EndsWhereEventsWereLost) {
  Begin({{"path", "/w"}});
  gateway_.files().Tell(v1::FileEvent::OVERFLOW, "/w");
  const std::vector<json> messages = StreamMessages(client_.ReadAnswer().body);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1]["error"]["code"], "data_loss");
  EXPECT_TRUE(Eventually([this] { return gateway_.files().cancelled_watches() == 1; }));
}

TEST_F(FilesystemWatchTest, EndsWithItsTime) {
  gateway_.SendStream(client_, "WatchDir", {{"path", "/w"}}, {{"Connect-Timeout-Ms", "1"}});
  const std::vector<json> messages = StreamMessages(client_.ReadAnswer().body);
  ASSERT_FALSE(messages.empty());
  EXPECT_EQ(messages.back()["error"]["code"], "deadline_exceeded");
}

TEST_F(FilesystemWatchTest, SaysThatItLives) {
  Begin({{"path", "/w"}}, {{"Keepalive-Ping-Interval", "1"}});
  std::string seen;
  while (!absl::StrContains(seen, "keepalive")) {
    const std::string more = client_.Receive();
    ASSERT_NE(more, "") << "no keepalive came";
    seen += more;
  }
  EXPECT_LT(seen.find("start"), seen.find("keepalive"));
}

TEST_F(FilesystemWatchTest, IsCutWithItsSandbox) {
  Begin({{"path", "/w"}});
  gateway_.files().SetState(v1::Sandbox::DEAD);
  gateway_.files().EndWatches(absl::NotFoundError("fake: gone"));
  const HttpAnswer answer = client_.ReadAnswer();
  EXPECT_FALSE(answer.whole);
  EXPECT_THAT(answer.body, ::testing::Not(HasSubstr("error")));
}

TEST_F(FilesystemWatchTest, EndsWithItsClient) {
  Begin({{"path", "/w"}});
  client_.Close();
  EXPECT_TRUE(Eventually([this] { return gateway_.files().cancelled_watches() == 1; }));
}

TEST_F(FilesystemWatchTest, IsOfADirectory) {
  gateway_.files().Put("/w/f", "");
  const std::pair<const char*, const char*> paths[] = {{"/w/f", "invalid_argument"},
                                                       {"/w/none", "not_found"}};
  for (const auto& [path, code] : paths) {
    TestClient client(gateway_.server());
    gateway_.SendStream(client, "WatchDir", {{"path", path}});
    const std::vector<json> messages = StreamMessages(client.ReadAnswer().body);
    ASSERT_EQ(messages.size(), 1u) << path;
    EXPECT_EQ(messages[0]["error"]["code"], code);
  }
}

}  // namespace
}  // namespace warren
