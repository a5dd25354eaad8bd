// What connections of sandboxes, and the fetcher's own sockets, may say.
#include "tests/fetcher/fetcher_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ConnectionsTest : public FetcherTest {
 protected:
  void SetUp() override { AddIndex("index", server_); }
  // Answered with that status, and ended.
  void Ends(const std::string& said, unsigned status) {
    const auto program = Connect();
    program->Say(said);
    EXPECT_EQ(program->Hear().result_int(), status) << said.substr(0, 100);
    EXPECT_TRUE(program->IsEnded()) << said.substr(0, 100);
  }
  IndexServer server_;
};

TEST_F(ConnectionsTest, GoOn) {
  Start();
  const auto program = Connect();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(program->Get("/").result_int(), 200u);
  EXPECT_EQ(program->Get("/x").result_int(), 404u);
  // Without a wait in between.
  const std::string request = "GET / HTTP/1.1\r\nHost: INDEX.warren.internal:80\r\n\r\n";
  program->Say(request + request);
  EXPECT_EQ(program->Hear().result_int(), 200u);
  EXPECT_EQ(program->Hear().result_int(), 200u);
  EXPECT_EQ(program->Ask("HEAD", "/").result_int(), 200u);
  EXPECT_EQ(program->Get("/", "Connection: close\r\n").result_int(), 200u);
  EXPECT_TRUE(program->IsEnded());
}

TEST_F(ConnectionsTest, AreForThisHost) {
  Start();
  Ends("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", 421);
  Ends("GET / HTTP/1.1\r\nHost: index.warren.internal:8080\r\n\r\n", 421);
  Ends("GET / HTTP/1.1\r\nHost: index.warren.internal.other.test\r\n\r\n", 421);
  Ends("GET / HTTP/1.1\r\n\r\n", 421);
  Ends("GET / HTTP/1.1\r\nHost: index.warren.internal\r\nHost: other.test\r\n\r\n", 421);
}

TEST_F(ConnectionsTest, SayNoMoreThanTheyNeed) {
  Start();
  const std::string host = "Host: index.warren.internal\r\n";
  Ends("POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc", 400);
  Ends("GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
  Ends("DELETE / HTTP/1.1\r\n" + host + "\r\n", 405);
  Ends("CONNECT other.test:80 HTTP/1.1\r\n" + host + "\r\n", 405);
  Ends("GET / HTTP/1.1\r\n" + host + "X: " + std::string(9000, 'x') + "\r\n\r\n", 431);
  Ends("nonsense\r\n\r\n", 400);
}

TEST_F(ConnectionsTest, OfOneSandboxAreBounded) {
  Start();
  std::vector<std::unique_ptr<Program>> programs;
  for (size_t i = 0; i < ClientThreads::kMostOfSandbox; ++i) {
    programs.push_back(Connect());
    EXPECT_EQ(programs.back()->Get("/").result_int(), 200u);
  }
  const auto refused = Connect()->Get("/");
  EXPECT_EQ(refused.result_int(), 503u);
  EXPECT_THAT(refused.body(), HasSubstr("as many as it may"));
  EXPECT_EQ(Connect(internal::USER, "another")->Get("/").result_int(), 200u);
  programs.clear();
  EXPECT_TRUE(Eventually([this] { return Get("/").result_int() == 200; }));
}

TEST_F(ConnectionsTest, OfAllSandboxesAreBounded) {
  Start();
  std::vector<std::unique_ptr<Program>> programs;
  const auto connect = [&](internal::PackageClient client) {
    const size_t sandbox = programs.size() / ClientThreads::kMostOfSandbox;
    programs.push_back(Connect(client, absl::StrCat("sandbox", sandbox)));
    return programs.back()->Get("/").result_int();
  };
  while (programs.size() < ClientThreads::kMostOfUsers) ASSERT_EQ(connect(internal::USER), 200u);
  EXPECT_EQ(Connect(internal::USER, "another")->Get("/").result_int(), 503u);
  // The builder's part is not theirs.
  while (programs.size() < ClientThreads::kMost) ASSERT_EQ(connect(internal::BUILDER), 200u);
  EXPECT_EQ(Connect(internal::BUILDER, "another")->Get("/").result_int(), 503u);
}

TEST_F(ConnectionsTest, OfASandboxAreCutWhereTheRelaySaysSo) {
  Start();
  const auto program = Connect();
  const auto other = Connect(internal::USER, "another");
  EXPECT_EQ(program->Get("/").result_int(), 200u);
  EXPECT_EQ(other->Get("/").result_int(), 200u);
  internal::PackageConnection message;
  message.set_sandbox_id(kSandbox);
  message.set_cut(true);
  ASSERT_TRUE(SendMessage(relay_.get(), message.SerializeAsString(), {}).ok());
  EXPECT_TRUE(program->IsEnded());
  EXPECT_EQ(other->Get("/").result_int(), 200u);
  EXPECT_EQ(Get("/").result_int(), 200u);
}

TEST_F(ConnectionsTest, ARelayThatTalksNonsenseIsLeft) {
  Start();
  ASSERT_TRUE(SendMessage(relay_.get(), "\xff\xff", {}).ok());
  // Its end is closed.
  EXPECT_TRUE(Eventually([this] { return !SendMessage(relay_.get(), "x", {}).ok(); }));
  ChangeRelay();
  EXPECT_EQ(Get("/").result_int(), 200u);
}

TEST_F(ConnectionsTest, AnotherRelayTakesItsPlace) {
  Start();
  const auto program = Connect();
  EXPECT_EQ(program->Get("/").result_int(), 200u);
  ChangeRelay();
  EXPECT_EQ(Get("/").result_int(), 200u);
  // What was handed over is the fetcher's.
  EXPECT_EQ(program->Get("/").result_int(), 200u);
}

TEST_F(ConnectionsTest, EndWithTheSupervisor) {
  Start();
  supervisor_.reset();
  EXPECT_TRUE(WaitForEnd().ok());
}

TEST_F(ConnectionsTest, EndWithTheLauncher) {
  Start();
  launcher_.reset();
  EXPECT_TRUE(WaitForEnd().ok());
}

TEST_F(ConnectionsTest, EndWithNonsenseOfEither) {
  Start();
  ASSERT_TRUE(SendMessage(launcher_.get(), "\xff", {}).ok());
  EXPECT_FALSE(WaitForEnd().ok());
  Stop();
  Start();
  internal::FetcherRequest request;
  request.mutable_learn_dependencies()->add_names("Not Normalized");
  ASSERT_TRUE(SendMessage(supervisor_.get(), request.SerializeAsString(), {}).ok());
  EXPECT_FALSE(WaitForEnd().ok());
}

TEST_F(ConnectionsTest, ASetUpThatCannotBeIsRefused) {
  setup_.clear_secrets();
  EXPECT_FALSE(Fetcher::Prepare(setup_, {}, {}, {}).ok());
  setup_.add_secrets();
  setup_.set_link_key("short");
  EXPECT_FALSE(Fetcher::Prepare(setup_, {}, {}, {}).ok());
}

// What the supervisor does not read is counted.
TEST_F(ConnectionsTest, RefusalsThatAreLostAreCounted) {
  Start();
  const auto program = Connect();
  int64_t told = 0;
  int64_t asked = 0;
  for (; asked < 1000; ++asked) EXPECT_EQ(program->Get("/simple/six/").result_int(), 403u);
  ASSERT_TRUE(SetNonBlocking(supervisor_.get()).ok());
  int64_t lost = 0;
  const auto read_all = [&] {
    while (true) {
      absl::StatusOr<Message> message = ReceiveMessage(supervisor_.get(), 4096);
      if (!message.ok()) return;
      internal::FetcherEvent event;
      ASSERT_TRUE(event.ParseFromString(message->data));
      ++told;
      lost += event.package_refused().lost();
    }
  };
  read_all();
  ASSERT_LT(told, asked);
  EXPECT_EQ(program->Get("/simple/six/").result_int(), 403u);
  read_all();
  EXPECT_EQ(told + lost, asked + 1);
}

TEST(LearnedNamesTest, AreBounded) {
  LearnedNames learned;
  internal::LearnDependencies names;
  for (size_t i = 0; i < LearnedNames::kMaxNames + 10; ++i) names.add_names(absl::StrCat("n", i));
  ASSERT_TRUE(learned.Learn(names).ok());
  EXPECT_TRUE(learned.Has("n0"));
  EXPECT_FALSE(learned.Has(absl::StrCat("n", LearnedNames::kMaxNames)));
}

}  // namespace
}  // namespace warren::testing
