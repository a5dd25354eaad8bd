#include "runtime/relay/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/base/mutex.h"
#include "runtime/packages/package_name.h"
#include "runtime/relay/client_hello.h"
#include "runtime/relay/fetcher_door.h"
#include "tests/support/held_port.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kName[] = "origin.test";

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

HeldPort Listen() {
  HeldPort port;
  EXPECT_EQ(::listen(port.fd(), 64), 0);
  return port;
}

// A blocking socket of a test's, and what to do with it.
class Stream {
 public:
  explicit Stream(UniqueFd fd) : fd_(std::move(fd)) {
    const timeval patience = {PatienceMs() / 1000, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }
  static Stream To(uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = Loopback(port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return Stream(std::move(fd));
  }
  static Stream From(const HeldPort& listener) {
    pollfd wait = {listener.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, PatienceMs()), 1) << "nobody connected";
    return Stream(UniqueFd(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC)));
  }

  void Send(absl::string_view data) {
    while (!data.empty()) {
      const ssize_t sent = ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0) << std::strerror(errno);
      data.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // Exactly so many bytes; fewer at the end of the stream.
  std::string Receive(size_t size) {
    std::string data(size, '\0');
    const ssize_t got = ::recv(fd_.get(), data.data(), size, MSG_WAITALL);
    error_ = got < 0 ? errno : 0;
    data.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return data;
  }
  // What comes until the end.
  std::string ReceiveAll() {
    std::string all;
    while (true) {
      std::string some = Receive(1 << 16);
      all += some;
      if (some.size() < 1 << 16) return all;
    }
  }
  bool IsReset() {
    Receive(1);
    return error_ == ECONNRESET;
  }
  // Nothing has come, and the stream goes on.
  bool IsSilent() {
    char byte;
    return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }
  void Finish() { ::shutdown(fd_.get(), SHUT_WR); }
  UniqueFd TakeFd() { return std::move(fd_); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  int error_ = 0;
};

// A sandbox's part, with an IO thread of its own. The name `origin.test` is the test's own
// loopback, which its operator opens.
class ConnectionTest : public ::testing::Test, public ConnectionHost {
 protected:
  void SetUp() override {
    egress_.set_enabled(true);
    egress_.add_open()->set_host("127.0.0.0/8");
    auto* pinned = egress_.add_names();
    pinned->set_name(kName);
    pinned->add_addresses("127.0.0.1");
    auto* closed = egress_.add_names();
    closed->set_name("inner.test");
    closed->add_addresses("10.0.0.7");
    auto* both = egress_.add_names();
    both->set_name("both.test");
    both->add_addresses("10.0.0.7");
    both->add_addresses("127.0.0.1");
    policy_.add_allow()->set_host("both.test");
    policy_.add_allow()->set_host(kName);
    policy_.add_allow()->set_host("inner.test");
    loop_ = *IoLoop::Create();
    bandwidth_.emplace(*loop_);
    fetcher_.emplace(*loop_);
    resolver_ = *Resolver::Create(*loop_, egress_, 1);
    Compile();
    thread_ = std::thread([this] { loop_->Run(); });
  }
  void TearDown() override {
    OnLoop([this] { connections_.clear(); });
    loop_->Stop();
    thread_.join();
  }

  void OnLoop(std::function<void()> task) {
    std::promise<void> done;
    loop_->Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  void Compile() { rules_.emplace(*NetworkRules::Compile(policy_, egress_)); }

  // A program's socket, whose other end the relay has accepted.
  Stream Connect(const std::string& name, uint16_t port) {
    HeldPort door = Listen();
    Stream program = Stream::To(door.port());
    UniqueFd accepted(::accept4(door.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    OnLoop([&] {
      const uint64_t id = ++last_;
      connections_[id] = std::make_shared<Connection>(
          *this, id, std::move(accepted), Target{name, *ParseAddress("198.18.0.1"), port});
      connections_[id]->Start();
    });
    return program;
  }
  v1::NetworkEvent NextEvent() {
    EXPECT_TRUE(Eventually([this] {
      MutexLock lock(&mu_);
      return !events_.empty();
    }));
    MutexLock lock(&mu_);
    if (events_.empty()) return {};
    v1::NetworkEvent event = events_.front();
    events_.erase(events_.begin());
    return event;
  }
  size_t open_connections() {
    size_t count = 0;
    OnLoop([&] { count = connections_.size(); });
    return count;
  }

  static double HostPace() {
    return absl::FDivDuration(AtThisPace(absl::Seconds(1)), absl::Seconds(1));
  }

  // ---- ConnectionHost
  IoLoop& loop() override { return *loop_; }
  void Resolve(const std::string& name, Resolver::Callback callback) override {
    resolver_->Resolve(name, std::move(callback));
  }
  double pace() const override { return pace_; }
  uint32_t layers_off() const override { return 0; }
  const NetworkRules& rules() const override { return *rules_; }
  Bandwidth& bandwidth_out() override { return *bandwidth_; }
  Bandwidth& bandwidth_in() override { return *bandwidth_; }
  int SocketBuffer() const override { return 64 << 10; }
  std::span<char> buffer() override { return buffer_; }
  absl::Status HandOver(int connection) override {
    return fetcher_->HandOver("sandboxone", internal::BUILDER, connection);
  }
  void Tell(v1::NetworkEvent event) override {
    MutexLock lock(&mu_);
    events_.push_back(std::move(event));
  }
  void Drop(uint64_t id) override {
    loop_->Post([this, id] { connections_.erase(id); });
  }

  config::EgressPolicy egress_;
  v1::NetworkPolicy policy_;
  std::unique_ptr<IoLoop> loop_;
  std::optional<Bandwidth> bandwidth_;
  std::unique_ptr<Resolver> resolver_;
  std::optional<NetworkRules> rules_;
  HeldPort origin_ = Listen();

  // How much longer than the host's pace asks for everything may take: what says something has 50
  // ms for it otherwise, and the test's thread may stand still as long. Set before Connect.
  static constexpr double kPatient = 100;
  double pace_ = kPatient * HostPace();

  // Of the loop's thread.
  std::optional<FetcherDoor> fetcher_;
  std::map<uint64_t, std::shared_ptr<Connection>> connections_;

 private:
  std::vector<char> buffer_ = std::vector<char>(32 << 10);
  uint64_t last_ = 0;
  Mutex mu_;
  std::vector<v1::NetworkEvent> events_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

TEST_F(ConnectionTest, CarriesBothWaysToBothEnds) {
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  program.Send("ping");
  EXPECT_EQ(served.Receive(4), "ping");
  served.Send("pong!");
  EXPECT_EQ(program.Receive(5), "pong!");
  program.Finish();
  EXPECT_EQ(served.Receive(1), "");
  // The other half goes on.
  served.Send("late");
  served.Finish();
  EXPECT_EQ(program.ReceiveAll(), "late");
  const v1::NetworkEvent event = NextEvent();
  EXPECT_EQ(event.verdict(), v1::NetworkEvent::ALLOWED);
  EXPECT_EQ(event.name(), kName);
  EXPECT_EQ(event.address(), "127.0.0.1");
  EXPECT_EQ(event.port(), origin_.port());
  EXPECT_EQ(event.bytes_sent(), 4);
  EXPECT_EQ(event.bytes_received(), 9);
  EXPECT_TRUE(Eventually([this] { return open_connections() == 0; }));
}

TEST_F(ConnectionTest, AServerMaySpeakFirst) {
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  served.Send("220 ready\r\n");
  EXPECT_EQ(program.Receive(11), "220 ready\r\n");
}

TEST_F(ConnectionTest, ASideThatDoesNotReadStopsTheOther) {
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  // More than all buffers on the way hold.
  const std::string much(16 << 20, 'x');
  std::thread sender([&] {
    program.Send(much);
    program.Finish();
  });
  // What is read is what was sent, whole, whenever it is read.
  EXPECT_EQ(served.ReceiveAll().size(), much.size());
  sender.join();
}

TEST_F(ConnectionTest, ADeniedHttpClientIsToldWhy) {
  Stream program = Connect("other.test", 80);
  program.Send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n");
  const std::string answer = program.ReceiveAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, HasSubstr("other.test:80"));
  const v1::NetworkEvent event = NextEvent();
  EXPECT_EQ(event.verdict(), v1::NetworkEvent::DENIED);
  EXPECT_EQ(event.name(), "other.test");
  EXPECT_EQ(event.address(), "");
}

TEST_F(ConnectionTest, ADeniedTlsClientSeesAnAlert) {
  Stream program = Connect("other.test", 443);
  program.Send("\x16\x03\x01");
  EXPECT_EQ(program.ReceiveAll(), AccessDeniedAlert());
}

TEST_F(ConnectionTest, ADeniedClientThatSaysNothingIsReset) {
  pace_ = HostPace();
  Stream program = Connect("other.test", 22);
  EXPECT_TRUE(program.IsReset());
}

TEST_F(ConnectionTest, ADeniedUploadIsAnsweredBeforeItIsRead) {
  Stream program = Connect("other.test", 80);
  program.Send("POST / HTTP/1.1\r\nHost: other.test\r\nContent-Length: 300000\r\n\r\n" +
               std::string(300000, 'x'));
  EXPECT_THAT(program.ReceiveAll(), StartsWith("HTTP/1.1 403 "));
}

TEST_F(ConnectionTest, AnInnerAddressIsDeniedByNameToo) {
  Stream program = Connect("inner.test", 80);
  program.Send("GET / HTTP/1.1\r\nHost: inner.test\r\n\r\n");
  EXPECT_THAT(program.ReceiveAll(), HasSubstr("10.0.0.7"));
  EXPECT_EQ(NextEvent().verdict(), v1::NetworkEvent::DENIED);
}

TEST_F(ConnectionTest, OfSeveralAddressesOneThatMayBeIsDialled) {
  Stream program = Connect("both.test", origin_.port());
  Stream served = Stream::From(origin_);
  program.Send("hello");
  EXPECT_EQ(served.Receive(5), "hello");
  program.Finish();
  served.Finish();
  EXPECT_EQ(program.ReceiveAll(), "");
  const v1::NetworkEvent event = NextEvent();
  EXPECT_EQ(event.verdict(), v1::NetworkEvent::ALLOWED);
  EXPECT_EQ(event.address(), "127.0.0.1");
}

// As after a relay that has forgotten it.
TEST_F(ConnectionTest, AnAddressWithoutItsNameSaysSo) {
  Stream program = Connect("", 80);
  program.Send("GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n");
  EXPECT_THAT(program.ReceiveAll(), HasSubstr("look the name up again"));
  EXPECT_EQ(NextEvent().address(), "198.18.0.1");
}

TEST_F(ConnectionTest, NobodyAnswersIsA502) {
  const HeldPort nobody;
  const uint16_t port = nobody.port();
  Stream program = Connect(kName, port);
  program.Send("GET / HTTP/1.1\r\nHost: origin.test:" + std::to_string(port) + "\r\n\r\n");
  EXPECT_THAT(program.ReceiveAll(), StartsWith("HTTP/1.1 502 "));
  const v1::NetworkEvent event = NextEvent();
  EXPECT_EQ(event.verdict(), v1::NetworkEvent::FAILED);
  EXPECT_THAT(event.reason(), HasSubstr("refused"));
}

std::string Request(uint16_t port, const std::string& host, const std::string& path = "/") {
  return "GET " + path + " HTTP/1.1\r\nHost: " + host + ":" + std::to_string(port) + "\r\n\r\n";
}

TEST_F(ConnectionTest, EveryRequestMustBeForTheName) {
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  const std::string first = Request(origin_.port(), kName);
  // In two parts: nothing goes out before the head is complete.
  program.Send(first.substr(0, 20));
  program.Send(first.substr(20));
  EXPECT_EQ(served.Receive(first.size()), first);
  program.Send(Request(origin_.port(), "fronted.test"));
  EXPECT_THAT(program.ReceiveAll(), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(NextEvent().verdict(), v1::NetworkEvent::DENIED);
  // Not a byte of it went out.
  EXPECT_EQ(served.ReceiveAll(), "");
}

TEST_F(ConnectionTest, AnUnfinishedHeadWaits) {
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  program.Send("GET / HTTP/1.1\r\nHo");
  program.Finish();
  EXPECT_THAT(program.ReceiveAll(), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(served.ReceiveAll(), "");
}

TEST_F(ConnectionTest, ATlsHelloForAnotherNameIsDenied) {
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  // What begins as a hello and is none.
  program.Send("\x16\x03\x01" + std::string("\x00\x05garbage", 9));
  EXPECT_EQ(program.ReceiveAll(), AccessDeniedAlert());
  EXPECT_EQ(served.ReceiveAll(), "");
}

TEST_F(ConnectionTest, AChangeOfPolicyCutsWhatItDenies) {
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  served.Send("hello");
  EXPECT_EQ(program.Receive(5), "hello");
  policy_.clear_allow();
  policy_.add_allow()->set_host("inner.test");
  OnLoop([this] {
    Compile();
    for (auto& [id, connection] : connections_) connection->Review();
  });
  EXPECT_TRUE(program.IsReset());
  EXPECT_TRUE(served.IsReset());
  EXPECT_THAT(NextEvent().reason(), HasSubstr("policy has changed"));
}

TEST_F(ConnectionTest, BandwidthIsSpentByBytes) {
  OnLoop([this] { bandwidth_->Set(256 << 10); });
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  const MonotonicTime start = MonotonicClock::now();
  std::thread sender([&] { program.Send(std::string(384 << 10, 'x')); });
  EXPECT_THAT(served.Receive(384 << 10), SizeIs(384 << 10));
  sender.join();
  // 256 KiB at once and 128 at as many a second: that it is not faster is what it is for.
  EXPECT_GE(MonotonicClock::now() - start, std::chrono::milliseconds(450));
}

TEST_F(ConnectionTest, BandwidthIsShared) {
  OnLoop([this] { bandwidth_->Set(256 << 10); });
  Stream first = Connect(kName, origin_.port());
  Stream first_served = Stream::From(origin_);
  Stream second = Connect(kName, origin_.port());
  Stream second_served = Stream::From(origin_);
  const std::string much(8 << 20, 'x');
  std::thread one([&] { ::send(first.fd(), much.data(), much.size(), MSG_NOSIGNAL); });
  std::thread two([&] { ::send(second.fd(), much.data(), much.size(), MSG_NOSIGNAL); });
  // Each of them gets something, however much the other wants.
  EXPECT_THAT(first_served.Receive(192 << 10), SizeIs(192 << 10));
  EXPECT_THAT(second_served.Receive(192 << 10), SizeIs(192 << 10));
  first_served.TakeFd();
  second_served.TakeFd();
  one.join();
  two.join();
}

TEST_F(ConnectionTest, UrgentDataIsNoWayAround) {
  pace_ = HostPace();
  Stream program = Connect(kName, origin_.port());
  Stream served = Stream::From(origin_);
  program.Send("GET");
  ASSERT_EQ(::send(program.fd(), "x", 1, MSG_OOB), 1);
  program.Send(" / HTTP/1.1\r\nHost: fronted.test\r\n\r\n");
  EXPECT_TRUE(served.IsSilent());
  program.Finish();
  // What it says can never be seen whole, so it is not answered either.
  EXPECT_TRUE(program.IsReset());
  EXPECT_EQ(served.ReceiveAll(), "");
}

TEST_F(ConnectionTest, AnAnswerThatRefusesAnUploadGetsThrough) {
  Stream program = Connect(kName, origin_.port());
  {
    Stream served = Stream::From(origin_);
    program.Send("begin");
    EXPECT_EQ(served.Receive(1), "b");
    served.Send("too large");
    // It closes with bytes that it has not read, as servers do that have said enough.
  }
  EXPECT_EQ(program.Receive(9), "too large");
}

TEST_F(ConnectionTest, AResetOfTheServersReachesTheProgram) {
  Stream program = Connect(kName, origin_.port());
  {
    Stream served = Stream::From(origin_);
    served.Send("bye");
    EXPECT_EQ(program.Receive(3), "bye");
    const linger now = {1, 0};
    ::setsockopt(served.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }
  EXPECT_TRUE(program.IsReset());
}

// ---- The package index

class PackageIndexTest : public ConnectionTest {
 protected:
  void SetUp() override {
    auto* rule = policy_.add_allow();
    rule->set_host(kPackageIndexHost);
    ConnectionTest::SetUp();
  }
  // The fetcher's end of its socket.
  UniqueFd StartFetcher() {
    SocketPair pair = *MakeSeqpacketPair();
    OnLoop([&] { EXPECT_TRUE(fetcher_->Change(std::move(pair.first)).ok()); });
    return std::move(pair.second);
  }
  Stream ConnectToIndex() { return Connect(kPackageIndexHost, kPackageIndexPort); }
  void IsAnsweredWith502(Stream& program, const char* reason) {
    program.Send("GET / HTTP/1.1\r\nHost: index.warren.internal\r\n\r\n");
    const std::string answer = program.ReceiveAll();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 502 "));
    EXPECT_THAT(answer, HasSubstr(reason));
    const v1::NetworkEvent event = NextEvent();
    EXPECT_EQ(event.verdict(), v1::NetworkEvent::FAILED);
    EXPECT_THAT(event.reason(), HasSubstr(reason));
  }
};

TEST_F(PackageIndexTest, ItsConnectionsAreHandedOver) {
  const UniqueFd fetcher = StartFetcher();
  Stream program = ConnectToIndex();
  program.Send("ping");
  absl::StatusOr<Message> message = ReceiveMessage(fetcher.get(), 1024);
  ASSERT_TRUE(message.ok()) << message.status();
  internal::PackageConnection who;
  ASSERT_TRUE(who.ParseFromString(message->data));
  EXPECT_EQ(who.sandbox_id(), "sandboxone");
  EXPECT_EQ(who.client(), internal::BUILDER);
  ASSERT_THAT(message->fds, SizeIs(1));
  const v1::NetworkEvent event = NextEvent();
  EXPECT_EQ(event.verdict(), v1::NetworkEvent::ALLOWED);
  EXPECT_EQ(event.name(), kPackageIndexHost);
  EXPECT_EQ(event.address(), "");
  EXPECT_EQ(event.port(), static_cast<uint32_t>(kPackageIndexPort));
  EXPECT_EQ(event.bytes_sent(), 0);
  // The relay has forgotten it, and it goes on.
  EXPECT_TRUE(Eventually([this] { return open_connections() == 0; }));
  Stream served(std::move(message->fds[0]));
  EXPECT_EQ(served.Receive(4), "ping");
  served.Send("pong");
  EXPECT_EQ(program.Receive(4), "pong");
}

TEST_F(PackageIndexTest, IsForWhoMayHaveIt) {
  const UniqueFd fetcher = StartFetcher();
  policy_.clear_allow();
  policy_.add_allow()->set_host(kName);
  OnLoop([this] { Compile(); });
  Stream program = ConnectToIndex();
  program.Send("GET / HTTP/1.1\r\nHost: index.warren.internal\r\n\r\n");
  EXPECT_THAT(program.ReceiveAll(), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(NextEvent().verdict(), v1::NetworkEvent::DENIED);
  ASSERT_TRUE(SetNonBlocking(fetcher.get()).ok());
  EXPECT_FALSE(ReceiveMessage(fetcher.get(), 1024).ok());
}

TEST_F(PackageIndexTest, WithoutAFetcherItIsA502) {
  Stream program = ConnectToIndex();
  IsAnsweredWith502(program, "no package index");
}

TEST_F(PackageIndexTest, AFetcherThatHasGoneIsA502AndTheNextIsUsed) {
  StartFetcher().reset();
  Stream program = ConnectToIndex();
  IsAnsweredWith502(program, "at the moment");
  const UniqueFd fetcher = StartFetcher();
  ConnectToIndex();
  EXPECT_TRUE(ReceiveMessage(fetcher.get(), 1024).ok());
}

TEST_F(PackageIndexTest, AFetcherThatTakesNothingIsA502) {
  const UniqueFd fetcher = StartFetcher();
  // Nobody reads: the kernel has room for so many.
  std::vector<Stream> programs;
  v1::NetworkEvent event;
  for (int i = 0; i < 2000 && event.verdict() != v1::NetworkEvent::FAILED; ++i) {
    programs.push_back(ConnectToIndex());
    event = NextEvent();
  }
  EXPECT_EQ(event.verdict(), v1::NetworkEvent::FAILED);
  EXPECT_THAT(event.reason(), HasSubstr("at the moment"));
}

TEST_F(PackageIndexTest, IsAtOnePort) {
  const UniqueFd fetcher = StartFetcher();
  Stream program = Connect(kPackageIndexHost, 8080);
  IsAnsweredWith502(program, "port 80 alone");
}

TEST_F(ConnectionTest, AProgramThatGoesTakesItsConnectionAlong) {
  {
    Stream program = Connect(kName, origin_.port());
    Stream served = Stream::From(origin_);
    program.Send("x");
    EXPECT_EQ(served.Receive(1), "x");
    program.TakeFd();
    EXPECT_EQ(served.ReceiveAll(), "");
  }
  EXPECT_TRUE(Eventually([this] { return open_connections() == 0; }));
}

}  // namespace
}  // namespace warren
