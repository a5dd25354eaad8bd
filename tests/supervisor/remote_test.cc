// What the remote backend does that no other does: connections that are not there, or break.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/linux/pace.h"
#include "supervisor/fake/fake_backend.h"
#include "supervisor/remote/remote_backend.h"
#include "tests/supervisor/door.h"
#include "tests/supervisor/sink.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<v1::Sandbox> Create(Backend& backend, const std::string& template_id = "",
                                   const Call& call = {}) {
  v1::CreateSandboxRequest request;
  request.set_template_id(template_id);
  return Ask<v1::Sandbox>([&](auto reply) { backend.Create(call, request, std::move(reply)); });
}

std::shared_ptr<SandboxHandle> Open(Backend& backend, const std::string& id) {
  return *Ask<std::shared_ptr<SandboxHandle>>(
      [&](auto reply) { backend.Open({}, id, std::move(reply)); });
}

TEST(RemoteBackendTest, WhatCannotBeReachedIsUnavailableWithoutItsAddress) {
  auto remote = RemoteBackend::Connect({"unix:///tmp/warren-nobody-is-here"});
  absl::Status status = Create(*remote).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("nobody-is-here")));
  EXPECT_TRUE(absl::IsUnavailable(remote->health()));
  auto sink = std::make_shared<CollectingSink>();
  auto operation = Open(*remote, "sb1")->Execute({}, v1::ExecuteCodeRequest(), sink);
  ASSERT_TRUE(sink->WaitForEnd());
  EXPECT_TRUE(absl::IsUnavailable(sink->status()));
  EXPECT_THAT(std::string(sink->status().message()), Not(HasSubstr("nobody-is-here")));
}

TEST(RemoteBackendTest, AConnectionThatBreaksIsUnavailable) {
  FakeBackend fake;
  Door door(fake);
  auto remote = RemoteBackend::Connect({door.target()});
  auto sandbox = Open(*remote, Create(*remote)->sandbox_id());
  auto sink = std::make_shared<CollectingSink>();
  v1::ExecuteCodeRequest request;
  request.set_code("print hello\nwait");
  auto operation = sandbox->Execute({}, request, sink);
  ASSERT_TRUE(sink->WaitForEvents(2));
  door.Close();
  ASSERT_TRUE(sink->WaitForEnd());
  EXPECT_TRUE(absl::IsUnavailable(sink->status())) << sink->status();
  EXPECT_THAT(std::string(sink->status().message()), Not(HasSubstr("warren-door")));
  EXPECT_EQ(sink->out(), "hello\n") << "what came before stays";
}

TEST(RemoteBackendTest, TheDeadlineGoesWithTheCall) {
  FakeBackend fake;
  Door door(fake);
  auto remote = RemoteBackend::Connect({door.target()});
  // The connection is there: what follows is the call's own time.
  ASSERT_TRUE(Create(*remote).ok());
  Call call;
  call.deadline = absl::Now() + absl::Seconds(3);
  absl::Status status = Create(*remote, "slow", call).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_TRUE(Eventually(
      [&] { return absl::AbsDuration(fake.last_deadline() - call.deadline) < absl::Seconds(10); }));
  EXPECT_TRUE(Eventually([&] { return fake.waiting_creates() == 0; }));
}

TEST(RemoteBackendTest, HandlesAndOperationsOutliveTheBackend) {
  FakeBackend fake;
  Door door(fake);
  auto remote = RemoteBackend::Connect({door.target()});
  auto sandbox = Open(*remote, Create(*remote)->sandbox_id());
  auto sink = std::make_shared<CollectingSink>();
  v1::ExecuteCodeRequest request;
  request.set_code("wait");
  auto operation = sandbox->Execute({}, request, sink);
  ASSERT_TRUE(sink->WaitForEvents(1));
  remote.reset();
  operation->Cancel();
  ASSERT_TRUE(sink->WaitForEnd());
  auto got = Ask<v1::Sandbox>([&](auto reply) { sandbox->Get({}, std::move(reply)); });
  EXPECT_TRUE(got.ok()) << got.status();
}

// The sink hears of the end on a thread of gRPC's, and whoever waits for it may let everything go
// before that thread does: then the last reference to the channel goes there.
TEST(RemoteBackendTest, TheLastOfAChannelMayGoOnAThreadOfGrpcs) {
  for (int i = 0; i < 200; ++i) {
    auto remote = RemoteBackend::Connect({"unix:///tmp/warren-nobody-is-here"});
    auto sink = std::make_shared<CollectingSink>();
    auto operation = Open(*remote, "sb1")->Execute({}, v1::ExecuteCodeRequest(), sink);
    operation.reset();
    remote.reset();
    ASSERT_TRUE(sink->WaitForEnd());
  }
}

// An HTTP/2 server that takes requests and goes away with a GOAWAY that says it has seen none of
// them: what gRPC, left alone, repeats by itself.
class GoingAway {
 public:
  GoingAway() : path_(absl::StrCat("/tmp/warren-going-away-", ::getpid())) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path_.copy(name.sun_path, sizeof(name.sun_path) - 1);
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::unlink(path_.c_str());
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~GoingAway() {
    stop_ = true;
    thread_.join();
    ::unlink(path_.c_str());
  }
  std::string target() const { return absl::StrCat("unix://", path_); }
  int requests() const { return requests_; }

 private:
  static constexpr uint8_t kHeaders = 1;

  void Serve() {
    while (!stop_) {
      pollfd ready{listener_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (connection.valid()) Talk(connection.get());
    }
  }
  static bool Read(int fd, void* data, size_t size) {
    return ::recv(fd, data, size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }
  static void Write(int fd, absl::string_view bytes) {
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void Talk(int fd) {
    Write(fd, absl::string_view("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS, empty.
    char preface[24];
    if (!Read(fd, preface, sizeof(preface))) return;
    uint8_t head[9];
    while (Read(fd, head, sizeof(head))) {
      std::string body(static_cast<size_t>(head[0]) << 16 | head[1] << 8 | head[2], '\0');
      if (!Read(fd, body.data(), body.size())) return;
      if (head[3] != kHeaders) continue;
      ++requests_;
      // GOAWAY: the last stream that was looked at is 0, no error.
      Write(fd, absl::string_view("\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0", 17));
      return;
    }
  }

  std::string path_;
  UniqueFd listener_;
  std::atomic<bool> stop_{false};
  std::atomic<int> requests_{0};
  std::thread thread_;
};

TEST(RemoteBackendTest, AnExecutionIsNeverSentTwice) {
  GoingAway server;
  auto remote = RemoteBackend::Connect({server.target()});
  auto sink = std::make_shared<CollectingSink>();
  v1::ExecuteCodeRequest request;
  request.set_code("print hello");
  auto operation = Open(*remote, "sb1")->Execute({}, request, sink);
  ASSERT_TRUE(sink->WaitForEnd());
  EXPECT_TRUE(absl::IsUnavailable(sink->status())) << sink->status();
  EXPECT_EQ(server.requests(), 1);
}

}  // namespace
}  // namespace warren
