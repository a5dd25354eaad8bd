#include "supervisor/main/acceptor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

// An acceptor on a loop of its own, which keeps what it is handed.
class AcceptorTest : public ::testing::Test {
 protected:
  void Start(size_t max_connections) {
    std::string directory =
        (std::filesystem::temp_directory_path() / "warren-acceptor-XXXXXX").string();
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    directory_ = directory;
    auto listener = Listener::Open(absl::StrCat("unix://", Path()), ::getuid(), ::getgid(),
                                   Listener::Reach::kLoopback);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listeners_.push_back(*std::move(listener));
    auto loop = IoLoop::Create();
    ASSERT_TRUE(loop.ok());
    loop_ = *std::move(loop);
    acceptor_ = std::make_unique<Acceptor>(*loop_, listeners_, max_connections,
                                           [this](int, UniqueFd connection) {
                                             held_.push_back(std::move(connection));
                                             ++accepted_;
                                           });
    ASSERT_TRUE(acceptor_->Watch().ok());
    thread_ = std::thread([this] { loop_->Run(); });
  }
  void TearDown() override {
    OnLoop([this] { acceptor_->Unwatch(); });
    loop_->Stop();
    thread_.join();
    std::filesystem::remove_all(directory_);
  }
  template <class Do>
  void OnLoop(Do what) {
    std::promise<void> done;
    loop_->Post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  std::string Path() const { return (directory_ / "w.sock").string(); }
  UniqueFd Connect() const {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    Path().copy(name.sun_path, sizeof(name.sun_path) - 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    return fd;
  }
  // The other end has closed it.
  static bool Closed(const UniqueFd& fd) {
    char byte;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }

  std::filesystem::path directory_;
  std::vector<Listener> listeners_;
  std::unique_ptr<IoLoop> loop_;
  std::unique_ptr<Acceptor> acceptor_;
  std::vector<UniqueFd> held_;
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

TEST_F(AcceptorTest, ClosesWhatThereIsNoRoomForAndTakesThemAgainWhenThereIs) {
  Start(8);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(Connect());
  auto closed = [&] {
    int count = 0;
    for (const UniqueFd& client : clients) count += Closed(client) ? 1 : 0;
    return count;
  };
  EXPECT_TRUE(Eventually([&] { return closed() == 16; })) << closed();
  EXPECT_EQ(accepted_, 4);
  OnLoop([this] { held_.clear(); });
  EXPECT_TRUE(Eventually([&] {
    clients.push_back(Connect());
    return accepted_ > 4;
  }));
}

TEST_F(AcceptorTest, WithoutADescriptorItWaitsInsteadOfSpinning) {
  Start(1000);
  UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  Path().copy(name.sun_path, sizeof(name.sun_path) - 1);
  const absl::Time begin = absl::Now();
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  int64_t failed = 0;
  auto has_failed = [&] {
    OnLoop([&] { failed = acceptor_->failed_accepts(); });
    return failed >= 1;
  };
  EXPECT_TRUE(Eventually(has_failed));
  // A loop that spins fails a thousand times meanwhile, one that waits five times, on a host that
  // does not stall.
  absl::SleepFor(5 * Acceptor::kAcceptPause);
  has_failed();
  EXPECT_LE(failed, (absl::Now() - begin) / Acceptor::kAcceptPause + 2);
  EXPECT_EQ(accepted_, 0);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(Eventually([&] { return accepted_ == 1; }));
}

TEST(FileBudgetTest, SandboxesAndConnectionsFitTogether) {
  for (int64_t files : {256, 1024, 4096, 65536}) {
    const int sandboxes = MaxSandboxesByFiles(files);
    const auto connections = static_cast<int64_t>(MaxConnections(files, sandboxes, 1));
    const int contexts = MaxFurtherContexts(files, sandboxes);
    EXPECT_GE(connections, sandboxes) << files;
    EXPECT_GE(contexts, sandboxes / 2) << files;
    const int processes = MaxProcessDescriptors(files, sandboxes);
    // An agent and a process, at least.
    EXPECT_GE(processes, 5);
    const int ports = MaxPortConnections(files, sandboxes);
    EXPECT_GE(ports, 1);
    EXPECT_LE(128 + 15 * sandboxes + 4 * contexts + processes + 2 * ports + connections, files);
  }
  EXPECT_EQ(MaxConnections(1 << 20, 1000, 1), 8192u);
  EXPECT_EQ(MaxFurtherContexts(1 << 20, 1000), 15000) << "as many as sandboxes may have";
  EXPECT_EQ(MaxPortConnections(1 << 20, 1000), 4096);
  EXPECT_EQ(MaxPortConnections(1 << 20, 2), 128) << "as many as sandboxes may have";
  EXPECT_EQ(MaxPortConnections(0, 1), 0);
  EXPECT_EQ(MaxSandboxesByFiles(0), 1);
  EXPECT_EQ(MaxFurtherContexts(0, 1), 0);
  EXPECT_EQ(MaxConnections(0, 1, 1), 1u);
}

}  // namespace
}  // namespace warren
