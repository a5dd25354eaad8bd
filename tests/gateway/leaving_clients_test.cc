// Clients that go, wait or read slowly, and connections that are closed: nothing is held for them.

#include <arpa/inet.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/gateway/http/ask_while_there.h"
#include "supervisor/gateway/http/limits.h"
#include "tests/gateway/gateway_testing.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGet[] = "GET /get HTTP/1.1\r\nHost: h\r\n\r\n";

Async<void> Say(Exchange& exchange) {
  const std::string text(exchange.target().segments.at(0));
  co_await exchange.Answer(HttpStatus::ok, "text/plain", text);
}

// Both ends of a TCP connection.
std::pair<UniqueFd, UniqueFd> TcpPair() {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener.get(), generic, size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), generic, &size), 0);
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), generic, size), 0);
  UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  return {std::move(client), std::move(server)};
}

// A handler that begins its answer, and waits until its client has gone.
HttpHandler UntilGone(std::atomic<bool>& gone) {
  return [&gone](Exchange& exchange) -> Async<void> {
    exchange.WatchClient();
    co_await exchange.Begin(HttpStatus::ok, "text/plain");
    while (!exchange.client_gone()) co_await exchange.signal()->WaitUntil(SteadyTime::max());
    gone = true;
  };
}

TEST(LeavingClientsTest, OneThatSentTheNextRequestIsNoticed) {
  std::atomic<bool> gone{false};
  TestServer server(UntilGone(gone));
  TestClient client(*server);
  client.Send(absl::StrCat(kGet, kGet));
  EXPECT_NE(client.Receive(), "");
  client.Send(kGet);
  client.Close();
  EXPECT_TRUE(Eventually([&] { return gone.load(); }));
}

TEST(LeavingClientsTest, OneThatFilledAllTheRoomForItIsNoticed) {
  std::atomic<bool> gone{false};
  TestServer server(UntilGone(gone));
  TestClient client(*server);
  client.Send(kGet);
  EXPECT_NE(client.Receive(), "");
  client.Send(std::string(100 << 10, 'x'));
  client.Close();
  EXPECT_TRUE(Eventually([&] { return gone.load(); }));
}

TEST(LeavingClientsTest, OneThatGoesInTheMiddleOfItsBodyIsNoticed) {
  std::atomic<bool> gone{false};
  TestServer server(UntilGone(gone));
  TestClient client(*server);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_NE(client.Receive(), "");
  client.Close();
  EXPECT_TRUE(Eventually([&] { return gone.load(); }));
}

TEST(LeavingClientsTest, OneIsNotWaitedForByAQuestionThatIsNeverAnswered) {
  std::atomic<bool> over{false};
  std::vector<Reply<int>> held;
  TestServer server([&](Exchange& exchange) -> Async<void> {
    auto answer = co_await AskWhileThere<int>(
        exchange, [&](auto reply) { held.push_back(std::move(reply)); });
    EXPECT_TRUE(absl::IsCancelled(answer.status()));
    over = true;
  });
  TestClient client(*server);
  client.SendRequest("GET", "/");
  client.Close();
  EXPECT_TRUE(Eventually([&] { return over.load(); }));
  // Nobody's any more.
  held.at(0)(5);
}

TEST(LeavingClientsTest, RequestsAheadOfTheirTimeAreServedOnceEach) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    exchange.WatchClient();
    // Until the client's next words have come.
    co_await exchange.signal()->WaitUntil(std::chrono::steady_clock::now() +
                                          std::chrono::milliseconds(50));
    co_await Say(exchange);
  });
  TestClient client(*server);
  client.SendRequest("GET", "/first");
  client.SendRequest("GET", "/second");
  EXPECT_EQ(client.ReadAnswer().body, "first");
  EXPECT_EQ(client.ReadAnswer().body, "second");
  EXPECT_EQ(client.Ask("GET", "/third").body, "third");
}

TEST(LeavingClientsTest, AChunkIsThereBeforeTheNextOneComes) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    exchange.SetBodyLimit(Exchange::kNoBodyLimit);
    auto piece = co_await exchange.ReadPiece();
    co_await exchange.Begin(HttpStatus::ok, "text/plain");
    co_await exchange.Write(piece.ok() ? absl::string_view(*piece) : "none");
    co_await exchange.End();
  });
  TestClient client(*server);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "hello");
}

TEST(LeavingClientsTest, AChunkWhoseHeadHasNoEndIsTheClientsFault) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    auto body = co_await exchange.ReadBody(1 << 20);
    EXPECT_TRUE(absl::IsInvalidArgument(body.status())) << body.status();
    co_await exchange.Answer(HttpStatus::bad_request, "", "");
  });
  TestClient client(*server);
  client.Send(absl::StrCat("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;",
                           std::string(200 << 10, 'x')));
  EXPECT_EQ(client.ReadAnswer().status, 400u);
}

TEST(LeavingClientsTest, NobodyIsAskedForABodyBehindTheAnswer) {
  TestServer server(Say);
  TestClient client(*server);
  client.Send("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  std::string seen;
  for (std::string more = client.Receive(); !more.empty(); more = client.Receive()) seen += more;
  EXPECT_THAT(seen, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(seen, Not(HasSubstr("100 Continue")));
}

TEST(LeavingClientsTest, ASlowReaderHasAllOfTheLastAnswer) {
  constexpr size_t kBytes = 4 << 20;
  // The times of a connection are short: 2 ms from the answer to the end.
  TestServer server(
      [](Exchange& exchange) -> Async<void> {
        const std::string body(kBytes, 'b');
        co_await exchange.Answer(HttpStatus::ok, "text/plain", body);
      },
      0.001);
  auto [client, end] = TcpPair();
  const int room = kBytes;
  ::setsockopt(end.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
  constexpr char kLast[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  // It is there in time: a connection has 15 ms for its first request.
  ASSERT_GT(::send(client.get(), kLast, sizeof(kLast) - 1, 0), 0);
  (*server).AddConnection(std::move(end), Security::kPlain);
  // It has been closed for long when the client reads.
  EXPECT_TRUE(Eventually([&] { return !(*server).busy(); }));
  absl::SleepFor(absl::Milliseconds(100));
  size_t seen = 0;
  char bytes[65536];
  ssize_t n = 0;
  while ((n = ::recv(client.get(), bytes, sizeof(bytes), 0)) > 0) seen += static_cast<size_t>(n);
  EXPECT_EQ(n, 0) << "no reset";
  EXPECT_GT(seen, kBytes);
}

TEST(LeavingClientsTest, AQuestionThatIsDroppedClosesTheConnection) {
  TestServer server([](Exchange& exchange) -> Async<void> {
    co_await Ask<int>([](auto reply) { auto dropped = std::move(reply); });
    co_await Say(exchange);
  });
  TestClient client(*server);
  EXPECT_EQ(client.Ask("GET", "/").status, 0u);
}

TEST(LeavingClientsTest, WhereThereAreManyTheLongestIdleGoes) {
  MemoryBudget memory(1 << 20);
  auto server = HttpServer::Start(Say, memory, 1, nullptr, 2);
  ASSERT_TRUE(server.ok());
  // An answer is there before its connection waits for the next request.
  auto all_wait = [&] { return Eventually([&] { return (*server)->idle() == 2; }); };
  TestClient first(**server);
  EXPECT_EQ(first.Ask("GET", "/a").body, "a");
  TestClient second(**server);
  EXPECT_EQ(second.Ask("GET", "/b").body, "b");
  EXPECT_TRUE(all_wait());
  EXPECT_EQ(first.Ask("GET", "/a").body, "a") << "there is room for two";
  // The second has waited longer now.
  EXPECT_TRUE(all_wait());
  TestClient third(**server);
  EXPECT_EQ(third.Ask("GET", "/c").body, "c");
  EXPECT_EQ(second.Receive(), "");
  EXPECT_EQ(first.Ask("GET", "/a").body, "a");
}

TEST(LeavingClientsTest, WhatIsBeingWrittenIsCharged) {
  std::atomic<int64_t> charged{0};
  TestServer server([](Exchange& exchange) -> Async<void> {
    const std::string piece(8 << 20, 'p');
    co_await exchange.Begin(HttpStatus::ok, "text/plain", piece.size());
    co_await exchange.Write(piece);
    co_await exchange.End();
  });
  {
    TestClient client(*server);
    client.SendRequest("GET", "/");
    EXPECT_TRUE(Eventually([&] { return server.memory().used() == 8 << 20; }));
  }
  EXPECT_TRUE(Eventually([&] { return server.memory().used() == 0; }));
}

}  // namespace
}  // namespace warren
