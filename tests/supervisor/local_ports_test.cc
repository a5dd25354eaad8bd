// Connections to ports inside of sandboxes of this machine's backend, over a launcher that the test
// plays.
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "supervisor/session/sandbox_ports.h"
#include "tests/supervisor/local_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::SandboxGone;
using ::testing::HasSubstr;

class LocalPortsTest : public LocalBackendTest {
 protected:
  LocalPortsTest() = default;
  explicit LocalPortsTest(const Options& options) : LocalBackendTest(options) {}

  // What comes of one call.
  struct Connecting {
    std::atomic<bool> answered{false};
    absl::Status status;
    std::unique_ptr<PortConnection> connection;
    absl::Status Wait() {
      EXPECT_TRUE(Eventually([this] { return answered.load(); }));
      return status;
    }
  };
  std::shared_ptr<Connecting> Ask(const std::string& id, uint32_t port = 8000) {
    auto asked = std::make_shared<Connecting>();
    Open(id)->ConnectPort(Call(), port,
                          [asked](absl::StatusOr<std::unique_ptr<PortConnection>> answer) {
                            asked->status = answer.status();
                            if (answer.ok()) asked->connection = *std::move(answer);
                            asked->answered = true;
                          });
    return asked;
  }
  // The other end, which is in the sandbox.
  UniqueFd Answer(const LauncherRequest& request) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    launcher.ReplyPort(request, UniqueFd(pair[0]));
    return UniqueFd(pair[1]);
  }
  // Made; null where it was not.
  std::unique_ptr<PortConnection> Connect(const std::string& id) {
    auto asked = Ask(id);
    inside.push_back(Answer(launcher.Expect(LauncherRequest::kConnectPort)));
    EXPECT_EQ(asked->Wait(), absl::OkStatus());
    return std::move(asked->connection);
  }
  int taken() { return backend->host().port_connections.taken(); }
  static bool HasEnded(int socket) {
    char byte;
    return ::read(socket, &byte, 1) == 0;
  }

  std::vector<UniqueFd> inside;
};

TEST_F(LocalPortsTest, AConnectionIsItsOwners) {
  const std::string id = Create().sandbox_id();
  auto asked = Ask(id, 65535);
  auto request = launcher.Expect(LauncherRequest::kConnectPort);
  EXPECT_EQ(request.connect_port().sandbox_id(), id);
  EXPECT_EQ(request.connect_port().port(), 65535u);
  EXPECT_TRUE(backend->in_use());
  UniqueFd other = Answer(request);
  ASSERT_EQ(asked->Wait(), absl::OkStatus());
  EXPECT_EQ(::write(asked->connection->socket(), "a", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(other.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'a');
  EXPECT_TRUE(backend->in_use());
  EXPECT_EQ(taken(), 1);
  asked->connection.reset();
  EXPECT_TRUE(HasEnded(other.get()));
  EXPECT_FALSE(backend->in_use());
  EXPECT_EQ(taken(), 0);
}

TEST_F(LocalPortsTest, WhatCannotBeIsRefused) {
  const std::string id = Create().sandbox_id();
  EXPECT_TRUE(absl::IsInvalidArgument(Ask(id, 0)->Wait()));
  EXPECT_TRUE(absl::IsInvalidArgument(Ask(id, 65536)->Wait()));
  auto handle = Open(id);
  warren::Answer<warren::v1::Sandbox> paused;
  handle->Pause(Call(), paused.Take());
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
  ASSERT_TRUE(paused.Wait().ok());
  auto while_paused = Ask(id);
  EXPECT_TRUE(absl::IsFailedPrecondition(while_paused->Wait()));
  EXPECT_THAT(while_paused->status.message(), HasSubstr("paused"));
  launcher.SendGone(id, SandboxGone::INIT_DIED);
  EXPECT_TRUE(
      Eventually([&] { return Ask(id)->Wait().message().find("dead") != std::string::npos; }));
  EXPECT_FALSE(launcher.Poll());
  EXPECT_EQ(taken(), 0);
}

TEST_F(LocalPortsTest, WhatTheLauncherSaysIsTheAnswer) {
  const std::string id = Create().sandbox_id();
  auto refused = Ask(id);
  launcher.Reply(launcher.Expect(LauncherRequest::kConnectPort),
                 absl::FailedPreconditionError("nothing listens"));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused->Wait()));
  EXPECT_EQ(refused->status.message(), "nothing listens");
  auto gone = Ask(id);
  launcher.Reply(launcher.Expect(LauncherRequest::kConnectPort), absl::NotFoundError("what?"));
  EXPECT_TRUE(absl::IsFailedPrecondition(gone->Wait()));
  EXPECT_THAT(gone->status.message(), HasSubstr("dead"));
  auto without = Ask(id);
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kConnectPort));
  EXPECT_EQ(without->Wait().code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(Eventually([&] { return taken() == 0 && !backend->in_use(); }));
}

TEST_F(LocalPortsTest, WithTheSandboxItsConnectionsEnd) {
  const std::string id = Create().sandbox_id();
  const std::string other_id = Create().sandbox_id();
  auto connection = Connect(id);
  auto left = Connect(id);
  auto other = Connect(other_id);
  left.reset();
  auto under_way = Ask(id);
  auto request = launcher.Expect(LauncherRequest::kConnectPort);
  auto ready = Ask(id);
  inside.push_back(Answer(launcher.Expect(LauncherRequest::kConnectPort)));
  ASSERT_EQ(ready->Wait(), absl::OkStatus());
  launcher.SendGone(id, SandboxGone::OUT_OF_MEMORY);
  // The owner sees it, and still holds its place.
  EXPECT_TRUE(HasEnded(connection->socket()));
  EXPECT_TRUE(HasEnded(ready->connection->socket()));
  EXPECT_EQ(taken(), 4);
  // One that comes too late is closed.
  UniqueFd late = Answer(request);
  EXPECT_TRUE(absl::IsFailedPrecondition(under_way->Wait()));
  EXPECT_TRUE(HasEnded(late.get()));
  EXPECT_TRUE(backend->in_use()) << "the other lives on";
  EXPECT_EQ(::write(other->socket(), "a", 1), 1);
  other.reset();
  EXPECT_TRUE(Eventually([&] { return !backend->in_use(); })) << "what is dead is not used";
  connection.reset();
  ready->connection.reset();
  EXPECT_EQ(taken(), 0);
}

TEST_F(LocalPortsTest, ASandboxHasSixtyFourAtMost) {
  const std::string id = Create().sandbox_id();
  std::vector<std::unique_ptr<PortConnection>> open;
  while (open.size() + 1 < static_cast<size_t>(SandboxPorts::kMaxConnections))
    open.push_back(Connect(id));
  auto last = Ask(id);
  EXPECT_TRUE(absl::IsResourceExhausted(Ask(id)->Wait())) << "one that is being made has a place";
  launcher.Reply(launcher.Expect(LauncherRequest::kConnectPort), absl::UnavailableError("no"));
  EXPECT_TRUE(absl::IsUnavailable(last->Wait()));
  open.push_back(Connect(id));
  auto refused = Ask(id);
  EXPECT_TRUE(absl::IsResourceExhausted(refused->Wait()));
  EXPECT_THAT(refused->status.message(), HasSubstr("64"));
  EXPECT_FALSE(launcher.Poll());
  open.pop_back();
  EXPECT_NE(Connect(id), nullptr);
  EXPECT_NE(Connect(Create().sandbox_id()), nullptr) << "it is no other's matter";
}

class FewPortsTest : public LocalPortsTest {
 protected:
  FewPortsTest() : LocalPortsTest({.port_connections = 2}) {}
};

TEST_F(FewPortsTest, AllSandboxesTogetherHaveNoMoreThanThereAreDescriptors) {
  const std::string id = Create().sandbox_id();
  const std::string other_id = Create().sandbox_id();
  auto first = Connect(id);
  auto second = Connect(other_id);
  auto refused = Ask(other_id);
  EXPECT_TRUE(absl::IsResourceExhausted(refused->Wait()));
  EXPECT_THAT(refused->status.message(), HasSubstr("open files"));
  first.reset();
  EXPECT_NE(Connect(other_id), nullptr);
}

}  // namespace
}  // namespace warren
