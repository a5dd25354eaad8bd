// The networks of sandboxes: what of them arrives at the relay, and what becomes of their sockets.
// The relay is one of the tests' own (test_relay.cc). Needs root.

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "tests/launch/harness.h"
#include "tests/launch/test_relay.h"
#include "tests/support/kill_process.h"
#include "warren/internal/relay.pb.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// What a program sees: the relay's answer, or the name of the error.
constexpr char kAsk[] = R"(
import errno, socket
def attempt(work):
    try:
        return work()
    except OSError as error:
        return errno.errorcode.get(error.errno, repr(error))
def tcp(address, port):
    def work():
        with socket.create_connection((address, port), timeout=60) as connection:
            return connection.makefile().read().strip()
    return attempt(work)
def udp(address, port):
    def work():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
            asks.settimeout(60)
            asks.connect((address, port))
            asks.send(b'?')
            return asks.recv(512).decode().strip()
    return attempt(work)
class Server:
    def __init__(self, address, port):
        self.listener = socket.create_server((address, port))
        self.listener.settimeout(60)
    def reached(self, address):
        with socket.create_connection((address, self.listener.getsockname()[1]), timeout=60):
            self.listener.accept()[0].close()
            return True
)";

// Of a kernel that has none.
constexpr char kNoIpv6[] = "EAFNOSUPPORT\n";

HarnessOptions WithTestRelay() {
  HarnessOptions options;
  options.relay_program = WARREN_TEST_RELAY;
  return options;
}

size_t Descriptors(pid_t pid) {
  std::error_code error;
  size_t count = 0;
  for (fs::directory_iterator entry(absl::StrCat("/proc/", pid, "/fd"), error), end; entry != end;
       entry.increment(error))
    ++count;
  return count;
}

// One launcher with its relay, which tells of what it has.
class NetworkTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(WithTestRelay()); }
  void Start(const HarnessOptions& options) {
    launcher_ = Harness::Start(options);
    ASSERT_NE(launcher_, nullptr);
    zygote_ = launcher_->StartZygote();
    AwaitRelay();
  }

  void AwaitRelay() {
    LauncherMessage started = launcher_->WaitFor(
        [](const internal::LauncherReply& reply) { return reply.has_relay_started(); }, "relay");
    ASSERT_EQ(started.fds.size(), 1u);
    relay_ = std::move(started.fds[0]);
  }
  // The one that is there.
  pid_t RelayPid() const {
    for (int number = 1; number < 20; ++number) {
      const auto pids = launcher_->PidsOf(absl::StrCat("relay-", number));
      if (!pids.empty()) return pids[0];
    }
    return -1;
  }
  // What it says next: "ID attached" or "ID detached".
  std::string RelaySays() {
    pollfd wait = {relay_.get(), POLLIN, 0};
    if (::poll(&wait, 1, PatienceMs()) != 1) return "nothing";
    auto message = ReceiveMessage(relay_.get(), 1 << 16);
    internal::RelayEvent event;
    if (!message.ok() || message->data.empty() || !event.ParseFromString(message->data))
      return "something else";
    const bool attached = event.policy_set().revision() == kAttached;
    return absl::StrCat(event.sandbox_id(), attached ? " attached" : " detached");
  }

  RunningSandbox Launch(const std::string& id) {
    RunningSandbox sandbox = launcher_->Launch(id, zygote_);
    EXPECT_TRUE(sandbox.launched()) << sandbox.reply.message();
    launcher_->Output(sandbox, kAsk);
    return sandbox;
  }
  absl::Status Open(const std::string& id, const std::vector<uint32_t>& ports = {}) {
    return launcher_->WaitForStatus(launcher_->RequestNetwork(id, ports));
  }
  RunningSandbox LaunchOpen(const std::string& id, const std::vector<uint32_t>& ports = {}) {
    RunningSandbox sandbox = Launch(id);
    EXPECT_EQ(Open(id, ports), absl::OkStatus());
    EXPECT_EQ(RelaySays(), id + " attached");
    return sandbox;
  }
  std::string Say(const RunningSandbox& sandbox, const std::string& expression) {
    return launcher_->Output(sandbox, absl::StrCat("print(", expression, ")"));
  }

  std::unique_ptr<Harness> launcher_;
  uint64_t zygote_ = 0;
  UniqueFd relay_;
};

TEST_F(NetworkTest, IsOffered) {
  EXPECT_TRUE(launcher_->offer().network_enabled());
  std::set<std::string> names;
  for (const config::NetworkPreset& preset : launcher_->offer().network_presets())
    names.insert(preset.name());
  EXPECT_TRUE(names.contains("none"));
  EXPECT_TRUE(names.contains("internet"));
  EXPECT_TRUE(launcher_->facts().socket_lookup());
}

TEST_F(NetworkTest, EveryConnectionArrivesWithWhereItWantedToGo) {
  RunningSandbox sandbox = Launch("connects");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 443)"), "ENETUNREACH\n");
  ASSERT_EQ(Open("connects"), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 443)"), "tcp 203.0.113.9:443 from 192.0.2.1\n");
  EXPECT_EQ(Say(sandbox, "tcp('10.0.0.1', 65535)"), "tcp 10.0.0.1:65535 from 192.0.2.1\n");
  EXPECT_EQ(Say(sandbox, "tcp('198.18.0.1', 1)"), "tcp 198.18.0.1:1 from 192.0.2.1\n");
  // As IPv6 sockets name IPv4 addresses.
  EXPECT_THAT(Say(sandbox, "tcp('::ffff:203.0.113.9', 443)"),
              AnyOf("tcp 203.0.113.9:443 from 192.0.2.1\n", kNoIpv6));
}

TEST_F(NetworkTest, QuestionsForNamesAreAnsweredFromWhereTheyWereSentTo) {
  RunningSandbox sandbox = LaunchOpen("names");
  EXPECT_EQ(Say(sandbox, "udp('127.0.0.53', 53)"), "udp 127.0.0.53\n");
  EXPECT_EQ(Say(sandbox, "udp('203.0.113.53', 53)"), "udp 203.0.113.53\n");
  EXPECT_EQ(Say(sandbox, "tcp('127.0.0.53', 53)"), "tcp 127.0.0.53:53 from 127.0.0.1\n");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.53', 53)"), "tcp 203.0.113.53:53 from 192.0.2.1\n");
}

TEST_F(NetworkTest, ProgramsAskTheRelayForNames) {
  RunningSandbox sandbox = LaunchOpen("resolves");
  launcher_->Output(sandbox, "import os");
  EXPECT_EQ(Say(sandbox, "open('/etc/resolv.conf').read().strip()"), "nameserver 127.0.0.53\n");
  EXPECT_EQ(Say(sandbox,
                "oct(os.stat('/etc/resolv.conf').st_mode), "
                "os.stat('/etc/resolv.conf').st_uid, oct(os.stat('/etc').st_mode)"),
            "0o100644 0 0o40755\n");
  // The C library asks what that names, beside the files.
  EXPECT_THAT(Say(sandbox, "[line for line in open('/etc/nsswitch.conf') if 'hosts:' in line]"),
              HasSubstr("dns"));
  EXPECT_EQ(Say(sandbox, "socket.gethostbyname('localhost')"), "127.0.0.1\n");
}

TEST_F(NetworkTest, OtherDatagramsAndIpv6AreRefusedAtOnce) {
  RunningSandbox sandbox = LaunchOpen("refused");
  EXPECT_EQ(Say(sandbox, "udp('203.0.113.9', 443)"), "ECONNREFUSED\n");
  EXPECT_THAT(Say(sandbox, "tcp('2001:db8::1', 443)"), AnyOf("ENETUNREACH\n", kNoIpv6));
}

TEST_F(NetworkTest, LoopbackStaysTheSandboxesAndItsServersTakeNothingElse) {
  RunningSandbox sandbox = LaunchOpen("serves");
  launcher_->Output(sandbox, "own, everywhere = Server('127.0.0.1', 8000), Server('', 8443)");
  EXPECT_EQ(Say(sandbox,
                "own.reached('127.0.0.1'), everywhere.reached('127.0.0.1'), "
                "everywhere.reached('192.0.2.1')"),
            "True True True\n");
  EXPECT_EQ(Say(sandbox, "tcp('127.0.0.1', 8001), tcp('192.0.2.1', 8001), udp('127.0.0.1', 8001)"),
            "ECONNREFUSED ECONNREFUSED ECONNREFUSED\n");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 8443)"), "tcp 203.0.113.9:8443 from 192.0.2.1\n");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 8000)"), "tcp 203.0.113.9:8000 from 192.0.2.1\n");
}

TEST_F(NetworkTest, SandboxesDoNotMeet) {
  RunningSandbox one = LaunchOpen("one");
  RunningSandbox other = LaunchOpen("other");
  launcher_->Output(one, "everywhere = Server('', 8443)");
  EXPECT_EQ(Say(other, "tcp('192.0.2.1', 8443)"), "ECONNREFUSED\n");
  EXPECT_EQ(Say(other, "tcp('127.0.0.1', 8443)"), "ECONNREFUSED\n");
  EXPECT_EQ(Say(one, "everywhere.reached('127.0.0.1')"), "True\n");
}

TEST_F(NetworkTest, OpenedAgainNothingChanges) {
  RunningSandbox sandbox = LaunchOpen("twice");
  EXPECT_EQ(Open("twice"), absl::OkStatus());
  RunningSandbox next = LaunchOpen("next");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 443)"), "tcp 203.0.113.9:443 from 192.0.2.1\n");
  // Two at a time: the second may come while the first is under way.
  Launch("both");
  const uint64_t first = launcher_->RequestNetwork("both");
  const uint64_t second = launcher_->RequestNetwork("both");
  EXPECT_EQ(launcher_->WaitForStatus(first), absl::OkStatus());
  absl::Status status = launcher_->WaitForStatus(second);
  EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
  EXPECT_EQ(RelaySays(), "both attached");
}

TEST_F(NetworkTest, IsRefusedWhereThereIsNoSandboxOrItStandsStill) {
  EXPECT_TRUE(absl::IsNotFound(Open("nobody")));
  RunningSandbox sandbox = Launch("paused");
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestPause("paused")), absl::OkStatus());
  absl::Status status = Open("paused");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestResume("paused")), absl::OkStatus());
  EXPECT_EQ(Open("paused"), absl::OkStatus());
  // One that has its network keeps it while it stands still.
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestPause("paused")), absl::OkStatus());
  EXPECT_EQ(Open("paused"), absl::OkStatus());
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestResume("paused")), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 443)"), "tcp 203.0.113.9:443 from 192.0.2.1\n");
}

TEST_F(NetworkTest, APortThatIsNeededInsideIsNamed) {
  RunningSandbox sandbox = LaunchOpen("before");
  // Root of a sandbox may serve there; so it does, in place of the relay.
  internal::SandboxSpec spec = launcher_->Spec("taken");
  spec.set_profile("root");
  RunningSandbox taken = launcher_->Launch(spec, zygote_);
  ASSERT_TRUE(taken.launched()) << taken.reply.message();
  launcher_->Output(taken, kAsk);
  launcher_->Output(taken, "server = Server('', 53)");
  absl::Status status = Open("taken");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("port 53"));
  launcher_->Output(taken, "server.listener.close()");
  EXPECT_EQ(Open("taken"), absl::OkStatus());
}

TEST_F(NetworkTest, ADeadRelayIsReplacedAndHasTheSocketsAgain) {
  RunningSandbox sandbox = LaunchOpen("survives");
  RunningSandbox without = Launch("without");
  const size_t descriptors = Descriptors(launcher_->pid());
  for (int round = 0; round < 2; ++round) {
    const pid_t killed = RelayPid();
    ASSERT_GT(killed, 0);
    KillProcess(killed, SIGKILL);
    // Waits for the next one in the listener's queue.
    EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 443)"), "tcp 203.0.113.9:443 from 192.0.2.1\n");
    AwaitRelay();
    EXPECT_NE(RelayPid(), killed);
    EXPECT_EQ(RelaySays(), "survives attached");
  }
  EXPECT_EQ(Open("without"), absl::OkStatus());
  EXPECT_EQ(RelaySays(), "without attached");
  launcher_->Destroy("without");
  EXPECT_EQ(RelaySays(), "without detached");
  // Of `without`, at least its init, its context's and its files.
  EXPECT_TRUE(Eventually([&] { return Descriptors(launcher_->pid()) < descriptors; }));
}

TEST_F(NetworkTest, ARelayWhoseSupervisorIsGoneIsReplaced) {
  RunningSandbox sandbox = LaunchOpen("orphan");
  relay_.reset();
  AwaitRelay();
  EXPECT_EQ(RelaySays(), "orphan attached");
}

TEST_F(NetworkTest, WithItsSandboxGoItsSockets) {
  RunningSandbox other = LaunchOpen("other");
  const pid_t relay = RelayPid();
  const size_t before = Descriptors(relay);
  const size_t before_launcher = Descriptors(launcher_->pid());
  LaunchOpen("dies");
  EXPECT_GT(Descriptors(relay), before);
  launcher_->Destroy("dies");
  EXPECT_EQ(RelaySays(), "dies detached");
  EXPECT_EQ(Descriptors(relay), before);
  EXPECT_TRUE(Eventually([&] { return Descriptors(launcher_->pid()) == before_launcher; }));
  // By itself.
  RunningSandbox ends = LaunchOpen("ends");
  KillProcess(launcher_->InitOf("ends"), SIGKILL);
  EXPECT_EQ(launcher_->WaitForGone("ends"), internal::SandboxGone::INIT_DIED);
  EXPECT_EQ(RelaySays(), "ends detached");
  EXPECT_EQ(Descriptors(relay), before);
  EXPECT_EQ(Say(other, "tcp('203.0.113.9', 443)"), "tcp 203.0.113.9:443 from 192.0.2.1\n");
}

TEST_F(NetworkTest, OneThatEndsMeanwhileGetsNone) {
  const int rounds = InUml() ? 4 : 20;
  for (int round = 0; round < rounds; ++round) {
    const std::string id = absl::StrCat("brief", round);
    ASSERT_TRUE(launcher_->Launch(id, zygote_).launched());
    const uint64_t open = launcher_->RequestNetwork(id);
    const uint64_t destroy = launcher_->RequestDestroy(id);
    absl::Status status = launcher_->WaitForStatus(open);
    EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
    EXPECT_EQ(launcher_->WaitForStatus(destroy), absl::OkStatus());
    EXPECT_EQ(launcher_->WaitForGone(id), internal::SandboxGone::DESTROYED);
    if (!status.ok()) continue;
    EXPECT_EQ(RelaySays(), id + " attached");
    EXPECT_EQ(RelaySays(), id + " detached");
  }
  // What was under way has left nothing with the anchor.
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == 4; }));
}

TEST_F(NetworkTest, ManyLeaveTheLauncherAsItWas) {
  const int rounds = InUml() ? 3 : 20;
  LaunchOpen("first");
  launcher_->Destroy("first");
  EXPECT_EQ(RelaySays(), "first detached");
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == 4; }));
  const pid_t relay = RelayPid();
  const size_t before = Descriptors(launcher_->pid());
  const size_t before_relay = Descriptors(relay);
  for (int round = 0; round < rounds; ++round) {
    const std::string id = absl::StrCat("round", round);
    ASSERT_TRUE(launcher_->Launch(id, zygote_).launched());
    ASSERT_EQ(Open(id), absl::OkStatus());
    EXPECT_EQ(RelaySays(), id + " attached");
    launcher_->Destroy(id);
    EXPECT_EQ(RelaySays(), id + " detached");
  }
  EXPECT_TRUE(Eventually([&] { return Descriptors(launcher_->pid()) == before; }))
      << Descriptors(launcher_->pid()) << " were " << before;
  EXPECT_EQ(Descriptors(relay), before_relay);
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == 4; }));
}

TEST_F(NetworkTest, TheRelayIsNobodyAndEndsWithItsLauncher) {
  const pid_t relay = RelayPid();
  ASSERT_GT(relay, 0);
  EXPECT_GE(atoll(StatusField(relay, "Uid").c_str()), 0x70000000);
  EXPECT_EQ(StatusField(relay, "Groups"), "");
  auto name_space = [](pid_t pid, const char* kind) {
    struct stat info = {};
    EXPECT_EQ(::stat(absl::StrCat("/proc/", pid, "/ns/", kind).c_str(), &info), 0) << kind;
    return info.st_ino;
  };
  for (const char* kind : {"user", "mnt", "pid", "ipc", "uts", "cgroup"})
    EXPECT_NE(name_space(relay, kind), name_space(launcher_->pid(), kind)) << kind;
  EXPECT_EQ(name_space(relay, "net"), name_space(launcher_->pid(), "net"));
  // The launcher's socket, the supervisor's, and what every process has.
  EXPECT_EQ(Descriptors(relay), 5u);
  // However that ends.
  std::unique_ptr<LauncherClient> client = launcher_->TakeClient();
  KillProcess(launcher_->pid(), SIGKILL);
  EXPECT_TRUE(client->WaitForExit(Patience()));
  EXPECT_TRUE(Eventually([&] { return !fs::exists(absl::StrCat("/proc/", relay)); }));
}

// ---- A host that cannot look sockets up
// -----------------------------------------------------------------------------------------------

class ListedPortsTest : public NetworkTest {
 protected:
  void SetUp() override {
    HarnessOptions options = WithTestRelay();
    options.no_socket_lookup = true;
    Start(options);
  }
};

TEST_F(ListedPortsTest, ReachesThoseAloneAndTakesThemFromTheSandbox) {
  EXPECT_FALSE(launcher_->facts().socket_lookup());
  RunningSandbox sandbox = LaunchOpen("listed", {443, 8443, 443});
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 443)"), "tcp 203.0.113.9:443 from 192.0.2.1\n");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 8443)"), "tcp 203.0.113.9:8443 from 192.0.2.1\n");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.9', 80)"), "ECONNREFUSED\n");
  EXPECT_EQ(Say(sandbox, "udp('127.0.0.53', 53)"), "udp 127.0.0.53\n");
  EXPECT_EQ(Say(sandbox, "udp('203.0.113.53', 53)"), "udp 203.0.113.53\n");
  EXPECT_EQ(Say(sandbox, "tcp('203.0.113.53', 53)"), "tcp 203.0.113.53:53 from 192.0.2.1\n");
  EXPECT_EQ(Say(sandbox, "attempt(lambda: Server('127.0.0.1', 8443))"), "EADDRINUSE\n");
  EXPECT_EQ(Say(sandbox, "attempt(lambda: Server('203.0.113.9', 8443))"), "EADDRINUSE\n");
}

TEST_F(ListedPortsTest, TakesAsManyAsThereMayBeAndNoOthers) {
  Launch("many");
  std::vector<uint32_t> ports;
  EXPECT_TRUE(absl::IsInvalidArgument(Open("many", ports)));
  EXPECT_TRUE(absl::IsInvalidArgument(Open("many", {0})));
  EXPECT_TRUE(absl::IsInvalidArgument(Open("many", {65536})));
  // With that of names among them, which has its listener.
  for (uint32_t port = 20; port < 84; ++port) ports.push_back(port);
  EXPECT_EQ(Open("many", ports), absl::OkStatus());
  EXPECT_EQ(RelaySays(), "many attached");
  ports.push_back(84);
  EXPECT_EQ(Open("many", ports), absl::OkStatus()) << "it has a network";
  Launch("more");
  EXPECT_TRUE(absl::IsInvalidArgument(Open("more", ports)));
}

TEST_F(ListedPortsTest, APortThatIsTakenInsideIsNamed) {
  RunningSandbox sandbox = Launch("served");
  launcher_->Output(sandbox, "server = Server('127.0.0.1', 8443)");
  absl::Status status = Open("served", {443, 8443});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("port 8443"));
  EXPECT_EQ(Open("served", {443}), absl::OkStatus());
}

// ---- The relay of the tested tree
// -----------------------------------------------------------------------------------------------

class RealRelayTest : public NetworkTest {
 protected:
  void SetUp() override { Start({}); }
  // Of the sandbox; what the relay tells next.
  internal::RelayEvent SetPolicy(const std::string& id, const v1::NetworkPolicy& policy) {
    internal::RelayRequest request;
    request.set_sandbox_id(id);
    request.mutable_set_policy()->set_revision(++revision_);
    *request.mutable_set_policy()->mutable_policy() = policy;
    EXPECT_EQ(SendMessage(relay_.get(), request.SerializeAsString(), {}), absl::OkStatus());
    return NextEvent();
  }
  internal::RelayEvent NextEvent() {
    internal::RelayEvent event;
    pollfd wait = {relay_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, PatienceMs()), 1) << "the relay is silent";
    auto message = ReceiveMessage(relay_.get(), 1 << 16);
    EXPECT_TRUE(message.ok() && event.ParseFromString(message->data)) << message.status();
    return event;
  }
  uint64_t revision_ = 0;
};

TEST_F(RealRelayTest, IsConfinedAndDecides) {
  RunningSandbox sandbox = Launch("denied");
  ASSERT_EQ(Open("denied"), absl::OkStatus());
  EXPECT_EQ(SetPolicy("denied", {}).policy_set().revision(), revision_);
  // By now it has put everything on.
  const pid_t relay = RelayPid();
  EXPECT_EQ(StatusField(relay, "Seccomp"), "2");
  EXPECT_EQ(StatusField(relay, "NoNewPrivs"), "1");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(StatusField(relay, set), "0000000000000000") << set;
  EXPECT_GE(atoll(StatusField(relay, "Uid").c_str()), 0x70000000);
  EXPECT_NE(StatusField(relay, "Uid"), StatusField(launcher_->InitOf("denied"), "Uid"));
  // It lives on, and says what it thinks of it.
  const std::string answer = Say(sandbox, "tcp('203.0.113.9', 443)");
  const internal::RelayEvent event = NextEvent();
  EXPECT_EQ(event.sandbox_id(), "denied");
  EXPECT_EQ(event.network().verdict(), v1::NetworkEvent::DENIED) << answer;
  EXPECT_EQ(event.network().address(), "203.0.113.9");
  EXPECT_EQ(event.network().port(), 443u);
  EXPECT_EQ(RelayPid(), relay);
}

TEST_F(RealRelayTest, EndsWithItsLauncherHoweverThatEnds) {
  const pid_t relay = RelayPid();
  Launch("some");
  ASSERT_EQ(Open("some"), absl::OkStatus());
  EXPECT_EQ(SetPolicy("some", {}).policy_set().revision(), revision_);
  // Where it stands still it reads no end of a socket.
  KillProcess(relay, SIGSTOP);
  std::unique_ptr<LauncherClient> client = launcher_->TakeClient();
  KillProcess(launcher_->pid(), SIGKILL);
  EXPECT_TRUE(client->WaitForExit(Patience()));
  const bool ended = Eventually([&] { return !fs::exists(absl::StrCat("/proc/", relay)); });
  EXPECT_TRUE(ended);
  if (!ended) KillProcess(relay, SIGKILL);
}

// ---- A server that gives no sandbox a network
// -----------------------------------------------------------------------------------------------

TEST(ClosedNetworkTest, HasNoRelayAndOpensNothing) {
  LoosePrefix prefix;
  HarnessOptions options;
  options.prefix = prefix.path();
  options.egress_policy = "closed";
  std::unique_ptr<Harness> launcher = Harness::Start(options);
  ASSERT_NE(launcher, nullptr);
  EXPECT_FALSE(launcher->offer().network_enabled());
  const uint64_t zygote = launcher->StartZygote();
  ASSERT_TRUE(launcher->Launch("closed", zygote).launched());
  absl::Status status = launcher->WaitForStatus(launcher->RequestNetwork("closed"));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("--egress-policy"));
  EXPECT_FALSE(launcher->GroupExists("relay-1"));
}

}  // namespace
}  // namespace warren
