// Connections of the supervisor's to programs inside of sandboxes. Needs root.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include <fstream>
#include <map>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "tests/launch/harness.h"
#include "tests/support/kill_process.h"
#include "warren/internal/relay.pb.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A server as people start one.
constexpr char kServe[] = R"(
import http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'from inside ' + self.client_address[0].encode())
    def log_message(self, *words):
        pass
def serve(address, port):
    server = http.server.ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
)";

// One that a test has in hand: two connections wait, and the kernel takes no third.
constexpr char kListen[] = R"(
import socket
listener = socket.create_server(('127.0.0.1', 8000), backlog=1)
)";

size_t DescriptorsOf(pid_t pid) {
  std::error_code error;
  size_t count = 0;
  for (fs::directory_iterator entry(absl::StrCat("/proc/", pid, "/fd"), error), end; entry != end;
       entry.increment(error))
    ++count;
  return count;
}

// What comes until the other end closes, or resets.
std::string ReadToEnd(int socket) {
  std::string all;
  while (true) {
    pollfd readable = {socket, POLLIN, 0};
    if (::poll(&readable, 1, PatienceMs()) != 1) return all + "(silence)";
    char bytes[4096];
    const ssize_t got = ::read(socket, bytes, sizeof(bytes));
    if (got <= 0) return all;
    all.append(bytes, static_cast<size_t>(got));
  }
}

std::string Get(int socket) {
  const std::string question = "GET / HTTP/1.0\r\n\r\n";
  EXPECT_EQ(::write(socket, question.data(), question.size()),
            static_cast<ssize_t>(question.size()));
  return ReadToEnd(socket);
}

class PortsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    launcher_ = Harness::Start();
    ASSERT_NE(launcher_, nullptr);
    zygote_ = launcher_->StartZygote();
  }

  RunningSandbox Launch(const std::string& id) {
    RunningSandbox sandbox = launcher_->Launch(id, zygote_);
    EXPECT_TRUE(sandbox.launched()) << sandbox.reply.message();
    return sandbox;
  }
  static absl::StatusOr<UniqueFd> TakeConnection(LauncherMessage message) {
    if (message.reply.code() != 0) {
      EXPECT_TRUE(message.fds.empty());
      return absl::Status(static_cast<absl::StatusCode>(message.reply.code()),
                          message.reply.message());
    }
    EXPECT_TRUE(message.reply.has_port_connected());
    if (message.fds.size() != 1) return absl::InternalError("not one descriptor");
    return std::move(message.fds[0]);
  }
  absl::StatusOr<UniqueFd> Connect(const std::string& id, uint32_t port) {
    return TakeConnection(launcher_->WaitForReply(launcher_->RequestPort(id, port)));
  }
  void Pause(const std::string& id) {
    EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestPause(id)), absl::OkStatus());
  }
  void Resume(const std::string& id) {
    EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestResume(id)), absl::OkStatus());
  }
  // As many connections as wait there, so that no more is taken.
  std::vector<UniqueFd> Fill(const std::string& id) {
    std::vector<UniqueFd> waiting;
    while (waiting.size() < 10) {
      auto connection = Connect(id, 8000);
      if (!connection.ok()) {
        EXPECT_TRUE(absl::IsUnavailable(connection.status())) << connection.status();
        EXPECT_THAT(std::string(connection.status().message()), HasSubstr("port 8000"));
        return waiting;
      }
      waiting.push_back(*std::move(connection));
    }
    ADD_FAILURE() << "the queue is never full";
    return waiting;
  }

  std::unique_ptr<Harness> launcher_;
  uint64_t zygote_ = 0;
};

TEST_F(PortsTest, AProgramInsideIsReached) {
  RunningSandbox sandbox = Launch("serves");
  launcher_->Output(sandbox, kServe);
  launcher_->Output(sandbox, "serve('127.0.0.1', 8000); serve('', 8080)");
  auto reached = [&](uint32_t port) {
    auto connection = Connect("serves", port);
    ASSERT_TRUE(connection.ok()) << connection.status();
    EXPECT_NE(::fcntl(connection->get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(connection->get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_THAT(Get(connection->get()), HasSubstr("from inside 127.0.0.1"));
  };
  reached(8000);
  reached(8080);
  // Also where all that leaves is the relay's.
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestNetwork("serves")), absl::OkStatus());
  reached(8000);
  reached(8080);
}

TEST_F(PortsTest, ItsBuffersAreBounded) {
  RunningSandbox sandbox = Launch("floods");
  launcher_->Output(sandbox, kListen);
  auto connection = Connect("floods", 8000);
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (int option : {SO_RCVBUF, SO_SNDBUF}) {
    int bytes = 0;
    socklen_t size = sizeof(bytes);
    ASSERT_EQ(::getsockopt(connection->get(), SOL_SOCKET, option, &bytes, &size), 0);
    EXPECT_EQ(bytes, 256 << 10);
  }
}

TEST_F(PortsTest, WhereNobodyListensThatIsTheAnswer) {
  RunningSandbox sandbox = Launch("silent");
  RunningSandbox other = Launch("other");
  launcher_->Output(other, kListen);
  auto refused = Connect("silent", 8000);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << "what another serves is not its";
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("port 8000"));
  EXPECT_TRUE(Connect("other", 8000).ok());
  launcher_->Output(other, "listener.close()");
  EXPECT_TRUE(absl::IsFailedPrecondition(Connect("other", 8000).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Connect("silent", 0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Connect("silent", 65536).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Connect("silent", 65535).status()));
  EXPECT_TRUE(absl::IsNotFound(Connect("nobody", 8000).status()));
}

TEST_F(PortsTest, AConnectionWithItselfIsNone) {
  constexpr char kPort[] = "40001";
  RunningSandbox sandbox = Launch("alone");
  const pid_t init = launcher_->InitOf("alone");
  // From where the connection comes the kernel chooses: here, it has one choice.
  std::thread([&] {
    UniqueFd network(::open(absl::StrCat("/proc/", init, "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::setns(network.get(), CLONE_NEWNET), 0);
    std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
    range << kPort << " " << kPort << std::flush;
    ASSERT_TRUE(range.good());
  }).join();
  EXPECT_TRUE(absl::IsFailedPrecondition(Connect("alone", 40001).status()));
}

TEST_F(PortsTest, AFullQueueIsAnError) {
  RunningSandbox sandbox = Launch("full");
  launcher_->Output(sandbox, kListen);
  std::vector<UniqueFd> waiting = Fill("full");
  ASSERT_FALSE(waiting.empty());
  EXPECT_EQ(launcher_->Output(sandbox,
                              "accepted = listener.accept()[0]\n"
                              "accepted.send(b'you')\n"
                              "accepted.close()\n"),
            "");
  EXPECT_EQ(ReadToEnd(waiting[0].get()), "you");
  EXPECT_TRUE(Connect("full", 8000).ok());
}

TEST_F(PortsTest, NoMoreThanSixteenAreUnderWay) {
  RunningSandbox sandbox = Launch("many");
  RunningSandbox other = Launch("others");
  for (const RunningSandbox* each : {&sandbox, &other}) launcher_->Output(*each, kListen);
  std::vector<UniqueFd> waiting = Fill("many");
  std::vector<uint64_t> requests;
  for (int i = 0; i < 80; ++i) requests.push_back(launcher_->RequestPort("many", 8000));
  EXPECT_TRUE(Connect("others", 8000).ok()) << "it is no other's matter";
  std::map<absl::StatusCode, int> answers;
  for (uint64_t request : requests) ++answers[launcher_->WaitForStatus(request).code()];
  EXPECT_GE(answers[absl::StatusCode::kUnavailable], 16);
  EXPECT_GE(answers[absl::StatusCode::kResourceExhausted], 1);
  EXPECT_EQ(answers[absl::StatusCode::kUnavailable] + answers[absl::StatusCode::kResourceExhausted],
            80);
  // They are over.
  launcher_->Output(sandbox, "taken = listener.accept()");
  EXPECT_TRUE(Connect("many", 8000).ok());
}

TEST_F(PortsTest, APausedSandboxIsNotConnectedTo) {
  RunningSandbox sandbox = Launch("paused");
  launcher_->Output(sandbox, kServe);
  launcher_->Output(sandbox, "serve('127.0.0.1', 8000)");
  auto before = Connect("paused", 8000);
  ASSERT_TRUE(before.ok()) << before.status();
  Pause("paused");
  absl::Status paused = Connect("paused", 8000).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(paused));
  EXPECT_THAT(std::string(paused.message()), HasSubstr("paused"));
  Resume("paused");
  // What was open lives on.
  EXPECT_THAT(Get(before->get()), HasSubstr("from inside"));
  EXPECT_TRUE(Connect("paused", 8000).ok());
}

TEST_F(PortsTest, ConnectionsEndWithTheSandbox) {
  for (const char* id : {"destroyed", "dies"}) {
    RunningSandbox sandbox = Launch(id);
    launcher_->Output(sandbox, kListen);
    auto waits = Connect(id, 8000);
    auto accepted = Connect(id, 8000);
    ASSERT_TRUE(waits.ok() && accepted.ok()) << waits.status() << accepted.status();
    launcher_->Output(sandbox, "taken = [listener.accept()[0]]");
    if (std::string(id) == "destroyed") {
      launcher_->Destroy(id);
    } else {
      KillProcess(launcher_->InitOf(id), SIGKILL);
      EXPECT_EQ(launcher_->WaitForGone(id), internal::SandboxGone::INIT_DIED);
    }
    EXPECT_EQ(ReadToEnd(waits->get()), "");
    EXPECT_EQ(ReadToEnd(accepted->get()), "");
    EXPECT_TRUE(absl::IsNotFound(Connect(id, 8000).status()));
    // The sockets are here still, and a sandbox of that name has another network.
    RunningSandbox next = Launch(id);
    EXPECT_TRUE(absl::IsFailedPrecondition(Connect(id, 8000).status()));
  }
}

TEST_F(PortsTest, OneUnderWayEndsWithTheSandbox) {
  const int rounds = InUml() ? 3 : 10;
  for (int round = 0; round < rounds; ++round) {
    const std::string id = absl::StrCat("brief", round);
    RunningSandbox sandbox = Launch(id);
    launcher_->Output(sandbox, kListen);
    std::vector<UniqueFd> waiting;
    // One that is answered at once, one that is not.
    if (round == 0) waiting = Fill(id);
    const uint64_t connect = launcher_->RequestPort(id, 8000);
    const uint64_t destroy = launcher_->RequestDestroy(id);
    absl::Status status = launcher_->WaitForStatus(connect);
    EXPECT_TRUE((status.ok() && round > 0) || absl::IsFailedPrecondition(status)) << status;
    EXPECT_EQ(launcher_->WaitForStatus(destroy), absl::OkStatus());
    EXPECT_EQ(launcher_->WaitForGone(id), internal::SandboxGone::DESTROYED);
  }
  // No helper is left: anchor, janitor, relay and zygote.
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == 4; }));
}

TEST_F(PortsTest, ManyLeaveTheLauncherAsItWas) {
  RunningSandbox sandbox = Launch("served");
  launcher_->Output(sandbox, kServe);
  launcher_->Output(sandbox, "serve('127.0.0.1', 8000)");
  EXPECT_TRUE(Connect("served", 8000).ok());
  size_t processes = 0;
  EXPECT_TRUE(Eventually([&] { return (processes = launcher_->Descendants().size()) == 6; }))
      << processes;
  const size_t before = DescriptorsOf(launcher_->pid());
  const int rounds = InUml() ? 10 : 100;
  for (int round = 0; round < rounds; ++round) {
    auto connection = Connect("served", round % 4 == 0 ? 8001 : 8000);
    ASSERT_EQ(connection.ok(), round % 4 != 0) << connection.status();
  }
  EXPECT_TRUE(Eventually([&] { return DescriptorsOf(launcher_->pid()) == before; }))
      << DescriptorsOf(launcher_->pid()) << " were " << before;
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == processes; }));
}

// ---- A host that cannot look sockets up

class ListedPortsConnectTest : public PortsTest {
 protected:
  void SetUp() override {
    HarnessOptions options;
    options.no_socket_lookup = true;
    launcher_ = Harness::Start(options);
    ASSERT_NE(launcher_, nullptr);
    zygote_ = launcher_->StartZygote();
  }
};

TEST_F(ListedPortsConnectTest, ThoseOfItsNetworkAreTheRelaysAndDenied) {
  LauncherMessage relay_started = launcher_->WaitFor(
      [](const internal::LauncherReply& reply) { return reply.has_relay_started(); }, "relay");
  ASSERT_EQ(relay_started.fds.size(), 1u);
  RunningSandbox sandbox = Launch("listed");
  launcher_->Output(sandbox, kServe);
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestNetwork("listed", {80})), absl::OkStatus());
  // It accepts nothing before it has a policy.
  internal::RelayRequest request;
  request.set_sandbox_id("listed");
  request.mutable_set_policy()->set_revision(1);
  ASSERT_EQ(SendMessage(relay_started.fds[0].get(), request.SerializeAsString(), {}),
            absl::OkStatus());
  launcher_->Output(sandbox, "serve('127.0.0.1', 8000)");
  auto inside = Connect("listed", 8000);
  ASSERT_TRUE(inside.ok()) << inside.status();
  EXPECT_THAT(Get(inside->get()), HasSubstr("from inside"));
  auto relay = Connect("listed", 80);
  ASSERT_TRUE(relay.ok()) << relay.status();
  EXPECT_THAT(Get(relay->get()), HasSubstr("403"));
}

}  // namespace
}  // namespace warren
