#include "supervisor/gateway/ports/port_proxy.h"

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gateway/gateway_testing.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kId[] = "sbports";

// A sandbox in which a program says `script` once it has been asked.
class PortSandbox final : public SandboxHandle {
 public:
  const std::string& id() const override { return id_; }
  void Get(const Call&, Reply<v1::Sandbox> reply) override { reply(sandbox); }
  void Unpause(const Call&, const v1::ResumeSandboxRequest&, Reply<v1::Sandbox> reply) override {
    ++resumed;
    sandbox.set_state(v1::Sandbox::RUNNING);
    reply(sandbox);
  }
  void ConnectPort(const Call&, uint32_t port,
                   Reply<std::unique_ptr<PortConnection>> reply) override {
    if (port == 1) return reply(absl::FailedPreconditionError("nobody listens"));
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) abort();
    ++open;
    server = std::thread([this, end = UniqueFd(ends[1])] { Program(end.get()); });
    reply(std::make_unique<PortConnection>(UniqueFd(ends[0]), [this] { --open; }));
  }
  ~PortSandbox() override {
    if (server.joinable()) server.join();
  }

  // What the program was asked, once it has ended.
  const std::string& Asked() {
    if (server.joinable()) server.join();
    return asked;
  }

  v1::Sandbox sandbox;
  std::string script;
  // Asked, until this has come.
  std::string until = "\r\n\r\n";
  std::string asked;
  // It takes nothing of what it is asked, and says nothing.
  bool deaf = false;
  std::atomic<int> open{0};
  std::atomic<int> resumed{0};
  std::thread server;

 private:
  void Program(int end) {
    char bytes[4096];
    if (deaf) {
      pollfd end_of_it{end, 0, 0};
      ::poll(&end_of_it, 1, -1);
      return;
    }
    while (!absl::StrContains(asked, until)) {
      const ssize_t n = ::recv(end, bytes, sizeof(bytes), 0);
      if (n <= 0) return;
      asked.append(bytes, static_cast<size_t>(n));
    }
    ::send(end, script.data(), script.size(), MSG_NOSIGNAL);
    if (absl::StrContains(script, " 101 ")) {
      const ssize_t n = ::recv(end, bytes, sizeof(bytes), 0);
      if (n > 0) ::send(end, bytes, static_cast<size_t>(n), MSG_NOSIGNAL);
    }
  }
  const std::string id_ = kId;
};

class PortBackend final : public Backend {
 public:
  absl::Status health() const override { return absl::OkStatus(); }
  std::unique_ptr<Operation> Create(const Call&, const v1::CreateSandboxRequest&,
                                    Reply<v1::Sandbox> reply) override {
    reply(absl::UnimplementedError(""));
    return nullptr;
  }
  void Open(const Call&, const std::string& id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override {
    if (id != kId) return reply(absl::NotFoundError("no such sandbox"));
    reply(std::shared_ptr<SandboxHandle>(sandbox));
  }
  void List(const Call&, const v1::ListSandboxesRequest&,
            Reply<v1::ListSandboxesResponse> reply) override {
    reply(absl::UnimplementedError(""));
  }
  void ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) override {
    reply(absl::UnimplementedError(""));
  }
  void GetEnvironment(const Call&, const std::string&, Reply<v1::Environment> reply) override {
    reply(absl::UnimplementedError(""));
  }
  std::shared_ptr<PortSandbox> sandbox = std::make_shared<PortSandbox>();
};

class PortProxyTest : public ::testing::Test {
 protected:
  PortProxyTest() {
    backend_.sandbox->sandbox.set_sandbox_id(kId);
    backend_.sandbox->sandbox.set_state(v1::Sandbox::RUNNING);
    SetNotes({});
  }
  void SetNotes(const SandboxNotes& notes) {
    WriteNotes(notes, *backend_.sandbox->sandbox.mutable_metadata());
  }

  PortBackend backend_;
  AccessTokens tokens_{std::string(32, 's')};
  SandboxDoor door_{backend_, tokens_};
  PortProxy ports_{door_};
  std::atomic<uint32_t> port_{8000};
  TestServer server_{[this](Exchange& exchange) { return ports_.Serve(exchange, kId, port_); }};
  PortSandbox& program_ = *backend_.sandbox;
};

TEST_F(PortProxyTest, PassesRequestAndAnswer) {
  program_.script =
      "HTTP/1.1 201 Made\r\nContent-Length: 5\r\nX-Own: v\r\nConnection: X-Hop\r\nX-Hop: "
      "h\r\n\r\nhello";
  program_.until = "body";
  TestClient client(*server_);
  const HttpAnswer answer =
      client.Ask("POST", "/a%20b/../c?q=[x]",
                 {{"X-Mine", "m"}, {"X-API-Key", "secret"}, {"E2b-Sandbox-Id", kId}}, "body");
  EXPECT_EQ(answer.status, 201u);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.headers.at("x-own"), "v");
  EXPECT_EQ(answer.headers.count("x-hop"), 0u);
  EXPECT_THAT(program_.Asked(), HasSubstr("POST /a%20b/../c?q=[x] HTTP/1.1\r\n"));
  EXPECT_THAT(program_.Asked(), HasSubstr("X-Mine: m\r\n"));
  EXPECT_THAT(program_.Asked(), Not(HasSubstr("secret")));
  EXPECT_THAT(program_.Asked(), Not(HasSubstr("E2b-")));
  EXPECT_THAT(program_.Asked(), HasSubstr("Host: warren.test\r\n"));
  for (int i = 0; i < 1000 && program_.open > 0; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(program_.open, 0);
}

TEST_F(PortProxyTest, PassesChunksAndAnswersWithoutALength) {
  program_.script = "HTTP/1.1 200 OK\r\n\r\nto the end";
  program_.until = "0\r\n\r\n";
  TestClient client(*server_);
  client.Send(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  const HttpAnswer answer = client.ReadAnswer();
  EXPECT_EQ(answer.body, "to the end");
  EXPECT_TRUE(answer.whole);
  EXPECT_THAT(program_.Asked(), HasSubstr("3\r\nabc\r\n"));
}

TEST_F(PortProxyTest, AnAnswerThatIsCutOffIsCutOff) {
  program_.script = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
  TestClient client(*server_);
  EXPECT_FALSE(client.Ask("GET", "/").whole);
}

TEST_F(PortProxyTest, AChunkWhoseLengthDoesNotEndIsCutOff) {
  program_.script = absl::StrCat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
                                 std::string(1 << 20, 'a'));
  TestClient client(*server_);
  EXPECT_FALSE(client.Ask("GET", "/").whole);
}

TEST_F(PortProxyTest, AnUnaskedSwitchOfProtocolsIsA502) {
  program_.script = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
  TestClient client(*server_);
  EXPECT_EQ(client.Ask("GET", "/").status, 502u);
}

TEST_F(PortProxyTest, WhatIsNoAnswerIsA502) {
  program_.script = "SSH-2.0-x\r\n\r\n";
  TestClient client(*server_);
  EXPECT_EQ(client.Ask("GET", "/").status, 502u);
}

TEST_F(PortProxyTest, AClosedPortIsA502WithItsNumber) {
  port_ = 1;
  TestClient client(*server_);
  const HttpAnswer answer = client.Ask("GET", "/");
  EXPECT_EQ(answer.status, 502u);
  EXPECT_THAT(answer.body, HasSubstr("\"port\":1"));
  EXPECT_THAT(answer.body, HasSubstr("port is not open"));
}

TEST_F(PortProxyTest, PrivatePortsTakeAToken) {
  SandboxNotes notes;
  notes.public_traffic = false;
  notes.masked_host = "localhost:${PORT}";
  SetNotes(notes);
  program_.script = "HTTP/1.1 204 No\r\n\r\n";
  TestClient client(*server_);
  EXPECT_EQ(client.Ask("GET", "/").status, 403u);
  EXPECT_EQ(client.Ask("GET", "/", {{"E2B-Traffic-Access-Token", "wrong"}}).status, 403u);
  EXPECT_EQ(client.Ask("GET", "/", {{"E2B-Traffic-Access-Token", tokens_.Envd(kId)}}).status, 403u);
  EXPECT_EQ(client.Ask("GET", "/", {{"E2B-Traffic-Access-Token", tokens_.Traffic(kId)}}).status,
            204u);
  EXPECT_THAT(program_.Asked(), HasSubstr("Host: localhost:8000\r\n"));
  EXPECT_THAT(program_.Asked(), Not(HasSubstr(tokens_.Traffic(kId))));
}

TEST_F(PortProxyTest, ConnectionsThatUpgradeArePassedAsTheyAre) {
  program_.script =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  TestClient client(*server_);
  client.Send("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  std::string seen;
  while (!absl::EndsWith(seen, "\r\n\r\n")) {
    const std::string more = client.Receive();
    ASSERT_NE(more, "");
    seen += more;
  }
  EXPECT_THAT(seen, HasSubstr("101 Switching Protocols"));
  client.Send("ping");
  EXPECT_EQ(client.Receive(), "ping");
  EXPECT_THAT(program_.Asked(), HasSubstr("Upgrade: websocket\r\n"));
}

TEST_F(PortProxyTest, WhatComesAheadOfAnUpgradeIsPassedOnce) {
  program_.script =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  TestClient client(*server_);
  client.Send(
      "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nahead");
  std::string seen;
  for (std::string more = client.Receive(); !more.empty(); more = client.Receive()) seen += more;
  // The program says back what it gets first, and ends.
  EXPECT_TRUE(absl::EndsWith(seen, "\r\n\r\nahead")) << seen;
}

TEST_F(PortProxyTest, AClientThatGoesBeforeItsBodyIsTakenEndsTheConnectionInside) {
  program_.deaf = true;
  TestClient client(*server_);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n");
  // More than the program's socket takes, and less than both hold.
  client.Send(std::string(320 << 10, 'b'));
  for (int i = 0; i < 1000 && program_.open == 0; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(program_.open, 1);
  client.Close();
  for (int i = 0; i < 1000 && program_.open > 0; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(program_.open, 0);
}

TEST_F(PortProxyTest, APausedSandboxIsNotResumedForWhoHasNoToken) {
  SandboxNotes notes;
  notes.public_traffic = false;
  notes.auto_resume = true;
  SetNotes(notes);
  program_.sandbox.set_state(v1::Sandbox::PAUSED);
  TestClient client(*server_);
  EXPECT_EQ(client.Ask("GET", "/").status, 403u);
  EXPECT_EQ(program_.resumed, 0);
}

TEST_F(PortProxyTest, APausedSandboxIsGoneUnlessItResumes) {
  program_.sandbox.set_state(v1::Sandbox::PAUSED);
  TestClient client(*server_);
  EXPECT_EQ(client.Ask("GET", "/").status, 502u);
}

TEST_F(PortProxyTest, AClientThatGoesEndsTheConnectionInside) {
  program_.until = "never";
  {
    TestClient client(*server_);
    client.SendRequest("GET", "/");
    for (int i = 0; i < 1000 && program_.open == 0; ++i) absl::SleepFor(absl::Milliseconds(5));
    EXPECT_EQ(program_.open, 1);
  }
  for (int i = 0; i < 1000 && program_.open > 0; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(program_.open, 0);
}

}  // namespace
}  // namespace warren
