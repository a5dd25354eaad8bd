// Connections are kept, and there is no thread for each request.

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/e2b_replay/replay_testing.h"

namespace warren::testing {
namespace {

constexpr int kAtOnce = 100;
constexpr int kConnections = 10;

size_t ThreadsOfThisProcess() {
  size_t threads = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/task"))
    ++threads;
  return threads;
}

class ReuseTest : public ReplayTest {
 protected:
  void MakeWithFew() {
    CloudOptions options = Options(cloud_.url());
    options.http.connections[static_cast<size_t>(HttpLane::kCell)] = kConnections;
    // However slow this host is, what is left of an answer is waited for.
    options.pace = 30;
    Make(std::move(options));
  }
  // Each in a context of its own, for those of one follow each other.
  static std::vector<Cell> BeginAll(SandboxHandle& sandbox) {
    std::vector<Cell> cells;
    for (int i = 0; i < kAtOnce; ++i) cells.push_back(Begin(sandbox, absl::StrCat("context-", i)));
    return cells;
  }
  static void ExpectAllEnd(const std::vector<Cell>& cells) {
    for (const Cell& each : cells) {
      ASSERT_TRUE(each.sink->WaitForEnd());
      EXPECT_TRUE(each.sink->status().ok()) << each.sink->status();
      EXPECT_EQ(each.sink->out(), "hello\n");
      EXPECT_EQ(each.sink->ends(), 1);
    }
  }
  std::set<size_t> ConnectionsOfCells() {
    std::set<size_t> connections;
    for (const ScriptedRequest& each : server().requests(ReplayCloud::kCells))
      connections.insert(each.connection);
    return connections;
  }
};

TEST_F(ReuseTest, ManyCellsOnFewConnections) {
  MakeWithFew();
  const auto sandbox = NewSandbox();
  ExpectAllEnd(BeginAll(*sandbox));
  EXPECT_EQ(server().requests(ReplayCloud::kCells).size(), size_t{kAtOnce});
  EXPECT_LE(ConnectionsOfCells().size(), size_t{kConnections});
  // They are there for the next ones too.
  ExpectAllEnd(BeginAll(*sandbox));
  EXPECT_LE(ConnectionsOfCells().size(), size_t{kConnections});
}

TEST_F(ReuseTest, NoThreadForEachRequest) {
  MakeWithFew();
  const auto sandbox = NewSandbox();
  Gate gate;
  cloud_.OnCell({kCount, kHello, kEndOfCell}, &gate);
  const size_t threads_before = ThreadsOfThisProcess();
  const size_t connections_before = server().connections();
  const std::vector<Cell> cells = BeginAll(*sandbox);
  EXPECT_TRUE(Eventually(
      [&] { return server().requests(ReplayCloud::kCells).size() == size_t{kConnections}; }));
  // Those of this process are the server's too, one for each connection.
  EXPECT_LE(ThreadsOfThisProcess(), threads_before + server().connections() - connections_before);
  gate.Open();
  ExpectAllEnd(cells);
  EXPECT_LE(ThreadsOfThisProcess(), threads_before + server().connections() - connections_before);
}

// Cells that run hold up nothing that is answered at once.
TEST_F(ReuseTest, OtherCallsGoOnMeanwhile) {
  MakeWithFew();
  const auto sandbox = NewSandbox();
  Gate gate;
  cloud_.OnCell({kCount, kHello, kEndOfCell}, &gate);
  const std::vector<Cell> cells = BeginAll(*sandbox);
  EXPECT_TRUE(Eventually(
      [&] { return server().requests(ReplayCloud::kCells).size() == size_t{kConnections}; }));
  EXPECT_TRUE(Ask<v1::Sandbox>([&](auto reply) { sandbox->Get({}, std::move(reply)); }).ok());
  const Process process = Start(*sandbox);
  EXPECT_TRUE(process.sink->Wait().ok());
  gate.Open();
  ExpectAllEnd(cells);
}

TEST_F(ReuseTest, CreatesShareConnections) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Create().ok());
  EXPECT_EQ(server().connections(), 1u);
}

// What waits for a connection can be given up.
TEST_F(ReuseTest, WaitingCellsAreCancelled) {
  MakeWithFew();
  const auto sandbox = NewSandbox();
  Gate gate;
  cloud_.OnCell({kCount, kHello, kEndOfCell}, &gate);
  const std::vector<Cell> cells = BeginAll(*sandbox);
  EXPECT_TRUE(Eventually(
      [&] { return server().requests(ReplayCloud::kCells).size() == size_t{kConnections}; }));
  for (const Cell& each : cells) each.operation->Cancel();
  for (const Cell& each : cells) {
    ASSERT_TRUE(each.sink->WaitForEnd());
    EXPECT_EQ(each.sink->ends(), 1);
  }
  gate.Open();
  cloud_.OnCell({kCount, kHello, kEndOfCell});
  EXPECT_EQ(Run(*sandbox)->out(), "hello\n");
}

}  // namespace
}  // namespace warren::testing
