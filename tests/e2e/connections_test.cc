// A client that opens more connections than there are descriptors.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/unique_fd.h"
#include "tests/e2e/harness.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

constexpr int kOpenFiles = 1100;
constexpr int kFlood = 1500;

class FloodTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // The flood takes descriptors of this process, too.
    rlimit limit;
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GT(limit.rlim_max, static_cast<rlim_t>(2 * kFlood));
  }
  // Connects again and again; whatever is refused or would wait stays away.
  static std::vector<UniqueFd> Flood(const Server& server) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    absl::StripPrefix(server.address(), "unix://").copy(name.sun_path, sizeof(name.sun_path) - 1);
    std::vector<UniqueFd> connections;
    for (int i = 0; i < kFlood; ++i) {
      UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (!fd.valid()) break;
      // The backlog is full: once more when it is emptied.
      for (int attempt = 0; attempt < 200; ++attempt) {
        if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0) {
          connections.push_back(std::move(fd));
          break;
        }
        absl::SleepFor(absl::Milliseconds(1));
      }
    }
    return connections;
  }
};

TEST_F(FloodTest, CellsAndSandboxesGoOnAndTheLogStaysShort) {
  Server::Options options;
  options.max_sandboxes = 20;
  options.open_files = kOpenFiles;
  Server server(options);
  ASSERT_TRUE(server.started());
  TestSandbox before(server);
  ASSERT_EQ(before.Execute("1 + 1").result(), "2");
  const size_t log = server.log().size();

  std::vector<UniqueFd> flood = Flood(server);
  EXPECT_GT(flood.size(), 500u);
  EXPECT_EQ(before.Execute("2 + 2").result(), "4") << "a cell";
  warren::v1::Limits limits;
  limits.set_memory_bytes(128 << 20);
  for (int i = 0; i < 10; ++i) {
    // Not from the pool: its descriptors come from the launcher now.
    TestSandbox during(server, limits);
    ASSERT_TRUE(during.created().ok()) << during.created().error_message();
    EXPECT_EQ(during.Execute("3 + 3").result(), "6");
  }
  EXPECT_LE(server.TakeFootprint().supervisor_fds, static_cast<size_t>(kOpenFiles));
  EXPECT_LT(server.log().size() - log, 64u << 10);
  EXPECT_THAT(server.log(), HasSubstr("event=connections_refused address="));
  EXPECT_THAT(server.log(), HasSubstr(" peer=user:0 "));

  flood.clear();
  EXPECT_TRUE(Eventually([&] {
    return server.NewChannel()->WaitForConnected(std::chrono::system_clock::now() +
                                                 std::chrono::milliseconds(500));
  })) << "the closed ones make room";
  EXPECT_EQ(server.Stop(), 0);
}

// What the bound on connections is reckoned with.
TEST_F(FloodTest, ASandboxTakesAtMostFifteenDescriptors) {
  constexpr size_t kSandboxes = 12;
  Server server(Server::Options{});
  ASSERT_TRUE(server.started());
  ASSERT_TRUE(server.WaitUntilSettled());
  const Footprint before = server.TakeFootprint();
  std::vector<std::unique_ptr<TestSandbox>> sandboxes;
  for (size_t i = 0; i < kSandboxes; ++i) {
    sandboxes.push_back(std::make_unique<TestSandbox>(server));
    EXPECT_EQ(sandboxes.back()->Execute("1 + 1").result(), "2");
  }
  ASSERT_TRUE(server.WaitUntilSettled());
  const Footprint after = server.TakeFootprint();
  RecordProperty("each",
                 static_cast<int>((after.supervisor_fds - before.supervisor_fds) / kSandboxes));
  EXPECT_LE(after.supervisor_fds, before.supervisor_fds + 15 * kSandboxes);
}

}  // namespace
}  // namespace warren
