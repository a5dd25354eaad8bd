// The services for packages: started with what they need, replaced when they die, and not there
// where no package can be installed. They are the tests' own (test_fetcher.cc, test_store.cc).
// Needs root.

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "tests/launch/packages_testing.h"
#include "tests/launch/test_relay.h"
#include "tests/support/kill_process.h"
#include "warren/internal/fetcher.pb.h"
#include "warren/internal/relay.pb.h"
#include "warren/internal/store.pb.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Reply = internal::LauncherReply;

ino_t NamespaceOf(pid_t pid, const char* kind) {
  struct stat info = {};
  EXPECT_EQ(::stat(absl::StrCat("/proc/", pid, "/ns/", kind).c_str(), &info), 0) << kind;
  return info.st_ino;
}

template <typename Event>
Event Next(const UniqueFd& socket) {
  Event event;
  pollfd wait = {socket.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, PatienceMs()), 1) << "the service is silent";
  auto message = ReceiveMessage(socket.get(), 128 << 10);
  EXPECT_TRUE(message.ok() && !message->data.empty() && event.ParseFromString(message->data))
      << message.status();
  return event;
}

class PackageServicesTest : public PackagesTest {
 protected:
  UniqueFd Await(Reply::BodyCase what) {
    LauncherMessage started = launcher_->WaitFor(
        [&](const Reply& reply) { return reply.body_case() == what; }, "service");
    if (started.fds.size() == 1) return std::move(started.fds[0]);
    ADD_FAILURE() << started.fds.size() << " descriptors";
    return {};
  }
  void AwaitAll() {
    relay_ = Await(Reply::kRelayStarted);
    fetcher_ = Await(Reply::kFetcherStarted);
    store_socket_ = Await(Reply::kStoreStarted);
  }
  // What the fetcher was told next, and how.
  std::string FetcherSays() {
    const auto event = Next<internal::FetcherEvent>(fetcher_);
    return absl::StrCat(event.package_refused().package(), ": ", event.package_refused().reason());
  }
  std::string RelaySays() {
    const auto event = Next<internal::RelayEvent>(relay_);
    return absl::StrCat(event.sandbox_id(), " ", event.policy_set().revision());
  }
  std::string AskStore(uint64_t id) {
    internal::StoreRequest request;
    request.set_id(id);
    EXPECT_EQ(SendMessage(store_socket_.get(), request.SerializeAsString(), {}), absl::OkStatus());
    const auto reply = Next<internal::StoreReply>(store_socket_);
    EXPECT_EQ(reply.id(), id);
    return reply.message();
  }
  // What comes from port 80 of somewhere.
  std::string AskIndex(const RunningSandbox& sandbox) {
    return launcher_->Output(sandbox,
                             "import socket\n"
                             "with socket.create_connection(('198.51.100.1', 80), 60) as index:\n"
                             "    print(index.makefile().read(), end='')\n");
  }
  RunningSandbox LaunchOpen(const std::string& id) {
    RunningSandbox sandbox = Launch(id);
    EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestNetwork(id)), absl::OkStatus());
    return sandbox;
  }

  UniqueFd relay_;
  UniqueFd fetcher_;
  UniqueFd store_socket_;
};

TEST_F(PackageServicesTest, AreOfferedWithThePolicyAndWithoutWhereItComesFrom) {
  const internal::LauncherOffer& offer = launcher_->offer();
  EXPECT_EQ(offer.packages_unavailable(), "");
  EXPECT_EQ(offer.package_policy().name(), "default");
  EXPECT_GT(offer.package_policy().allow_size(), 0);
  ASSERT_EQ(offer.package_policy().indexes_size(), 1);
  EXPECT_EQ(offer.package_policy().indexes(0).ShortDebugString(), "name: \"index-1\"");
  struct stat info = {};
  ASSERT_EQ(::stat(store_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
  EXPECT_EQ(info.st_uid, 0u);
}

TEST_F(PackageServicesTest, TheFetcherHasTheIndexesAndTheRelay) {
  AwaitAll();
  EXPECT_EQ(FetcherSays(),
            "setup: key of 32 bytes; index-1=/0; ro,noexec: some-1-py3-none-any.whl");
  EXPECT_EQ(FetcherSays(), "relay: ");
  EXPECT_EQ(RelaySays(), absl::StrCat(kFetcher, " ", kAttached));
  RunningSandbox sandbox = LaunchOpen("asks");
  EXPECT_EQ(AskIndex(sandbox), "packages for asks\n");
}

TEST_F(PackageServicesTest, TheStoreHasItsDirectoryAndNothingElse) {
  AwaitAll();
  EXPECT_EQ(AskStore(7), absl::StrCat(int64_t{20} << 30, " bytes"));
  struct stat info = {};
  ASSERT_EQ(::stat((store_ / "written-7").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
  EXPECT_EQ(info.st_gid, 0u);
  const pid_t store = PidOf("store");
  const pid_t fetcher = PidOf("fetcher");
  for (const char* kind : {"user", "mnt", "pid", "ipc", "uts", "cgroup"}) {
    EXPECT_NE(NamespaceOf(store, kind), NamespaceOf(launcher_->pid(), kind)) << kind;
    EXPECT_NE(NamespaceOf(fetcher, kind), NamespaceOf(launcher_->pid(), kind)) << kind;
  }
  EXPECT_NE(NamespaceOf(store, "net"), NamespaceOf(launcher_->pid(), "net"));
  EXPECT_EQ(NamespaceOf(fetcher, "net"), NamespaceOf(launcher_->pid(), "net"));
  // An id of its own.
  auto map = ReadFile(absl::StrCat("/proc/", store, "/uid_map"));
  ASSERT_TRUE(map.ok()) << map.status();
  const int64_t first = atoll(StatusField(fetcher, "Uid").c_str());
  EXPECT_EQ(atoll(StatusField(store, "Uid").c_str()), first + 4);
  EXPECT_THAT(*map, ::testing::MatchesRegex(absl::StrCat(" +0 +", first + 4, " +1\n")));
}

TEST_F(PackageServicesTest, WhoDiesIsReplacedAndConnectedAgain) {
  AwaitAll();
  FetcherSays();
  FetcherSays();
  RunningSandbox sandbox = LaunchOpen("survives");
  EXPECT_EQ(AskIndex(sandbox), "packages for survives\n");
  for (int round = 0; round < 2; ++round) {
    // The fetcher: another one, and the relay has it.
    const pid_t fetcher = PidOf("fetcher");
    RelaySays();
    KillProcess(fetcher, SIGKILL);
    fetcher_ = Await(Reply::kFetcherStarted);
    EXPECT_NE(PidOf("fetcher"), fetcher);
    EXPECT_THAT(FetcherSays(), HasSubstr("setup: "));
    EXPECT_EQ(FetcherSays(), "relay: ");
    while (RelaySays() != absl::StrCat(kFetcher, " ", kAttached)) {
    }
    EXPECT_EQ(AskIndex(sandbox), "packages for survives\n");
    // The relay: the fetcher, which lives, has that.
    KillProcess(PidOf("relay"), SIGKILL);
    relay_ = Await(Reply::kRelayStarted);
    EXPECT_EQ(FetcherSays(), "relay: ");
    EXPECT_EQ(RelaySays(), absl::StrCat(kFetcher, " ", kAttached));
    EXPECT_EQ(AskIndex(sandbox), "packages for survives\n");
    // The store.
    const pid_t store = PidOf("store");
    KillProcess(store, SIGKILL);
    store_socket_ = Await(Reply::kStoreStarted);
    EXPECT_NE(PidOf("store"), store);
    EXPECT_THAT(AskStore(static_cast<uint64_t>(round) + 1), HasSubstr("bytes"));
  }
}

TEST_F(PackageServicesTest, WhoseSupervisorIsGoneIsReplaced) {
  AwaitAll();
  store_socket_.reset();
  store_socket_ = Await(Reply::kStoreStarted);
  EXPECT_THAT(AskStore(1), HasSubstr("bytes"));
  fetcher_.reset();
  fetcher_ = Await(Reply::kFetcherStarted);
  EXPECT_THAT(FetcherSays(), HasSubstr("setup: "));
}

TEST_F(PackageServicesTest, MountsNeedNoStoreThatLives) {
  AwaitAll();
  MakeSet(std::string(64, 'a'), {{"there.py", "value = 1"}});
  RunningSandbox sandbox = Launch("mounts");
  KillProcess(PidOf("store"), SIGKILL);
  EXPECT_EQ(Mount("mounts", std::string(64, 'a')), absl::OkStatus());
  EXPECT_EQ(launcher_->Output(sandbox, "import there; print(there.value)"), "1\n");
}

TEST_F(PackageServicesTest, EndWithTheirLauncherHoweverThatEnds) {
  AwaitAll();
  const pid_t services[] = {PidOf("fetcher"), PidOf("store")};
  // Where they stand still they read no end of a socket.
  for (pid_t service : services) KillProcess(service, SIGSTOP);
  std::unique_ptr<LauncherClient> client = launcher_->TakeClient();
  KillProcess(launcher_->pid(), SIGKILL);
  EXPECT_TRUE(client->WaitForExit(Patience()));
  for (pid_t service : services) {
    const bool ended = Eventually([&] { return !fs::exists(absl::StrCat("/proc/", service)); });
    EXPECT_TRUE(ended);
    if (!ended) KillProcess(service, SIGKILL);
  }
  // And with it the lock.
  Start(WithPackages());
  EXPECT_EQ(launcher_->offer().packages_unavailable(), "");
}

TEST_F(PackageServicesTest, AStoreHasOneServer) {
  HarnessOptions options = WithPackages();
  options.cgroup_parent = absl::StrCat("warren-test-", ::getpid(), "-other");
  std::unique_ptr<Harness> other = Harness::Start(options);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->offer().packages_unavailable(),
            absl::StrCat("the package store ", store_.string(),
                         " is another server's: give this one its own (warrend --package-store)"));
  const uint64_t zygote = other->StartZygote();
  ASSERT_TRUE(other->Launch("some", zygote).launched());
  absl::Status status = other->WaitForStatus(other->RequestPackages("some", std::string(64, 'a')));
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("another server's"));
  EXPECT_FALSE(other->GroupExists("fetcher-1"));
  EXPECT_FALSE(other->GroupExists("store-1"));
}

// ---- The services of the tested tree

class RealPackageServicesTest : public PackageServicesTest {
 protected:
  void SetUp() override {
    HarnessOptions options = WithPackages();
    options.relay_program.clear();
    options.fetcher_program.clear();
    options.store_program.clear();
    Start(options);
    AwaitAll();
  }
  // By now it has put everything on.
  void ExpectConfined(pid_t service) {
    ASSERT_GT(service, 0);
    EXPECT_TRUE(Eventually([&] { return StatusField(service, "Seccomp") == "2"; }));
    EXPECT_EQ(StatusField(service, "NoNewPrivs"), "1");
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
      EXPECT_EQ(StatusField(service, set), "0000000000000000") << set;
    EXPECT_GE(atoll(StatusField(service, "Uid").c_str()), 0x70000000);
  }
};

TEST_F(RealPackageServicesTest, AreConfinedAndServe) {
  const pid_t services[] = {PidOf("relay"), PidOf("fetcher"), PidOf("store")};
  std::set<std::string> users;
  for (pid_t service : services) {
    ExpectConfined(service);
    users.insert(StatusField(service, "Uid"));
  }
  EXPECT_EQ(users.size(), 3u) << "no two have the same user";
  internal::StoreRequest request;
  request.set_id(1);
  request.mutable_list();
  EXPECT_EQ(SendMessage(store_socket_.get(), request.SerializeAsString(), {}), absl::OkStatus());
  const auto reply = Next<internal::StoreReply>(store_socket_);
  EXPECT_EQ(reply.code(), 0) << reply.message();
  EXPECT_EQ(reply.contents().max_bytes(), int64_t{20} << 30);
  EXPECT_EQ(reply.contents().sets_size(), 0);
  // What they were told did not end them, nor did they take the lock away.
  EXPECT_EQ(PidOf("relay"), services[0]);
  EXPECT_EQ(PidOf("fetcher"), services[1]);
  EXPECT_EQ(PidOf("store"), services[2]);
  EXPECT_TRUE(fs::exists(store_ / "lock"));
}

// ---- Where no package can be installed

class NoPackagesTest : public PackagesTest {
 protected:
  void SetUp() override {}
  // Why not.
  std::string Unavailable(const HarnessOptions& options) {
    launcher_ = Harness::Start(options);
    if (launcher_ == nullptr) return "no launcher";
    EXPECT_FALSE(launcher_->GroupExists("fetcher-1"));
    EXPECT_FALSE(launcher_->GroupExists("store-1"));
    return launcher_->offer().packages_unavailable();
  }
  // Why a launcher does not start.
  static std::string Refused(const HarnessOptions& harness) {
    LauncherOptions options;
    options.program = absl::StrCat(harness.prefix, "/bin/warren-launcher");
    options.prefix = harness.prefix;
    options.template_store = ::testing::TempDir();
    options.cgroup_parent = harness.cgroup_parent;
    options.max_sandboxes = harness.max_sandboxes;
    options.package_policy = harness.package_policy;
    options.package_indexes = harness.package_indexes;
    options.package_store = harness.package_store;
    auto client = LauncherClient::Start(options);
    if (!client.ok()) return client.status().ToString();
    auto hello = (*client)->ReceiveHello(Patience());
    (*client)->CloseSocket();
    EXPECT_TRUE((*client)->WaitForExit(Patience()));
    return hello.ok() ? "it starts" : std::string(hello.status().message());
  }
};

TEST_F(NoPackagesTest, WithoutAnIndex) {
  HarnessOptions options = WithPackages();
  options.package_indexes.clear();
  EXPECT_EQ(Unavailable(options),
            "no package index: warrend --package-index URL|DIRECTORY, or `indexes` in a package "
            "policy");
  EXPECT_GT(launcher_->offer().package_policy().allow_size(), 0);
  EXPECT_FALSE(fs::exists(store_));
}

TEST_F(NoPackagesTest, WithoutANetwork) {
  LoosePrefix prefix;
  HarnessOptions options = WithPackages();
  options.prefix = prefix.path();
  options.egress_policy = "closed";
  EXPECT_THAT(Unavailable(options), HasSubstr("--egress-policy"));
}

TEST_F(NoPackagesTest, WhereTheStoreCannotBeUsed) {
  HarnessOptions options = WithPackages();
  fs::create_directories(store_);
  fs::permissions(store_, fs::perms(0777));
  EXPECT_THAT(Unavailable(options), HasSubstr("nobody else may write to it"));
  fs::permissions(store_, fs::perms(0755));
  fs::create_symlink("/etc/passwd", store_ / "lock");
  EXPECT_THAT(Unavailable(options), HasSubstr("/lock"));
  fs::remove(store_ / "lock");
  options.package_store = (directory_ / "wheels/some-1-py3-none-any.whl").string();
  EXPECT_THAT(Unavailable(options), HasSubstr(options.package_store));
  options.package_store = "/proc/packages";
  EXPECT_THAT(Unavailable(options), HasSubstr("/proc/packages"));
}

TEST_F(NoPackagesTest, WrongPoliciesAndIndexesAreErrorsAtTheStart) {
  HarnessOptions options = WithPackages();
  options.package_policy = "nosuch";
  EXPECT_THAT(Refused(options), HasSubstr("nosuch"));
  options = WithPackages();
  options.package_indexes = {"/no/such/directory"};
  EXPECT_THAT(Refused(options), HasSubstr("/no/such/directory"));
  options.package_indexes = {"ftp://packages.test/simple/"};
  EXPECT_THAT(Refused(options), HasSubstr("--package-index"));
  options = WithPackages();
  options.package_indexes.clear();
  options.package_policy = (directory_ / "own.textproto").string();
  const std::string credentials = (directory_ / "credentials").string();
  std::ofstream(options.package_policy)
      << "name: 'own' allow { requirement: '*' } indexes { name: 'ours' url: "
         "'https://packages.test/simple/' credentials_file: '"
      << credentials << "' }";
  EXPECT_THAT(Refused(options), HasSubstr("package index ours: "));
  std::ofstream(credentials) << "no colon: no\nsecond line";
  const std::string refused = Refused(options);
  EXPECT_THAT(refused, HasSubstr("USER:PASSWORD"));
  EXPECT_THAT(refused, ::testing::Not(HasSubstr("colon")));
}

TEST_F(NoPackagesTest, SecretsGoToTheFetcherAlone) {
  HarnessOptions options = WithPackages();
  options.package_indexes.clear();
  options.package_policy = (directory_ / "own.textproto").string();
  std::ofstream(directory_ / "credentials") << "user:secret\n";
  std::ofstream(directory_ / "ca.pem") << "-----BEGIN CERTIFICATE-----\n";
  std::ofstream(options.package_policy)
      << "name: 'own' allow { requirement: '*' } indexes { name: 'ours' url: "
         "'https://packages.test/simple/' credentials_file: '"
      << (directory_ / "credentials").string() << "' ca_file: '" << (directory_ / "ca.pem").string()
      << "' packages: 'acme-*' } indexes { url: '" << (directory_ / "wheels").string() << "' }";
  Start(options);
  EXPECT_EQ(launcher_->offer().packages_unavailable(), "");
  EXPECT_EQ(launcher_->offer().package_policy().ShortDebugString(),
            "name: \"own\" allow { requirement: \"*\" } indexes { name: \"ours\" } "
            "indexes { name: \"index-2\" }");
  LauncherMessage started =
      launcher_->WaitFor([](const Reply& reply) { return reply.has_fetcher_started(); }, "fetcher");
  ASSERT_EQ(started.fds.size(), 1u);
  const auto event = Next<internal::FetcherEvent>(started.fds[0]);
  EXPECT_EQ(event.package_refused().reason(),
            "key of 32 bytes; ours=user:secret/28; index-2=/0; ro,noexec: "
            "some-1-py3-none-any.whl");
}

}  // namespace
}  // namespace warren
