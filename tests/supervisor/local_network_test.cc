// Sandboxes of this machine's backend that have a network, over a launcher and a relay that the
// test plays.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/supervisor/fake_relay.h"
#include "tests/supervisor/local_testing.h"
#include "tests/supervisor/noting_sink.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::SandboxGone;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using warren::v1::CreateSandboxRequest;
using warren::v1::NetworkEvent;
using warren::v1::SetSandboxNetworkRequest;

CreateSandboxRequest WithNetwork(const std::string& host) {
  CreateSandboxRequest request;
  request.mutable_network()->add_allow()->set_host(host);
  return request;
}

// That it allows.
std::vector<std::string> Hosts(const warren::v1::NetworkPolicy& policy) {
  std::vector<std::string> hosts;
  for (const auto& rule : policy.allow()) hosts.push_back(rule.host());
  return hosts;
}

class LocalNetworkTest : public LocalBackendTest {
 protected:
  LocalNetworkTest() = default;
  explicit LocalNetworkTest(const Options& options) : LocalBackendTest(options) {}

  void StartRelay() { launcher.SendRelayStarted(relay.TakeSocket()); }
  // Asks for one, whose worker says that it is ready; the zygote is warm.
  std::unique_ptr<Operation> Ask(const CreateSandboxRequest& request,
                                 Answer<warren::v1::Sandbox>& answer, const Call& call = Call()) {
    auto operation = backend->Create(call, request, answer.Take());
    auto launch = launcher.Expect(LauncherRequest::kCreateSandbox);
    sandbox_id = LaunchedId(launch);
    workers.push_back(launcher.ReplyLaunched(launch));
    workers.back()->SendReady();
    return operation;
  }
  // The policy that the relay is told, and sets.
  warren::v1::NetworkPolicy SetByRelay(const std::string& id) {
    auto told = relay.NextPolicy(id);
    relay.SayPolicySet(id, told.revision());
    return told.policy();
  }
  absl::Status SetNetwork(const std::shared_ptr<SandboxHandle>& handle,
                          const SetSandboxNetworkRequest& request) {
    Answer<warren::v1::Sandbox> answer;
    handle->SetNetwork(Call(), request, answer.Take());
    return answer.Wait().status();
  }
  absl::Status CreateRefused(const CreateSandboxRequest& request) {
    Answer<warren::v1::Sandbox> answer;
    EXPECT_NE(backend->Create(Call(), request, answer.Take()), nullptr);
    return answer.Wait().status();
  }
  // Of one that is dead or paused, which is not asked for anything.
  warren::v1::Environment EnvironmentOf(const std::string& id) {
    Answer<warren::v1::Environment> answer;
    Open(id)->GetEnvironment(Call(), answer.Take());
    auto environment = answer.Wait();
    EXPECT_TRUE(environment.ok()) << environment.status();
    return environment.ok() ? *environment : warren::v1::Environment();
  }
  void Pause(const std::string& id) {
    Answer<warren::v1::Sandbox> paused;
    Open(id)->Pause(Call(), paused.Take());
    launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
    EXPECT_TRUE(paused.Wait().ok());
  }
  void ExpectDestroyed(const std::string& id) {
    EXPECT_EQ(launcher.Expect(LauncherRequest::kDestroySandbox).destroy_sandbox().sandbox_id(), id);
    EXPECT_EQ(List({})->sandboxes_size(), sandboxes_before);
  }

  FakeRelay relay;
  std::string sandbox_id;
  int sandboxes_before = 0;
};

// ---- Create

class NetworkCreateTest : public LocalNetworkTest {
 protected:
  void SetUp() override {
    // The zygote is warm from here on.
    Create();
    sandboxes_before = 1;
    EXPECT_FALSE(launcher.Poll()) << "one that asks for no network gets none";
    StartRelay();
  }
};

TEST_F(NetworkCreateTest, ASandboxIsHandedOutWithItsNetwork) {
  CreateSandboxRequest request = WithNetwork("A.example");
  request.mutable_network()->set_preset("packages");
  Answer<warren::v1::Sandbox> answer;
  Ask(request, answer);
  auto open = launcher.Expect(LauncherRequest::kOpenNetwork);
  EXPECT_EQ(open.open_network().sandbox_id(), sandbox_id);
  EXPECT_EQ(List({})->sandboxes_size(), 1) << "nobody hears of it before";
  launcher.ReplyOk(open);
  auto told = relay.NextPolicy(sandbox_id);
  EXPECT_THAT(Hosts(told.policy()), ElementsAre("a.example", "pip.test"));
  Settle();
  EXPECT_EQ(answer.count(), 0);
  relay.SayPolicySet(sandbox_id, told.revision());
  auto sandbox = answer.Wait();
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(sandbox->sandbox_id(), sandbox_id);
  EXPECT_FALSE(sandbox->from_pool());
  EXPECT_GT(sandbox->stages_size(), 0);
  EXPECT_EQ(List({})->sandboxes_size(), 2);
  Answer<warren::v1::Sandbox> told_of;
  Open(sandbox_id)->Get(Call(), told_of.Take());
  EXPECT_EQ(told_of.Wait()->network().SerializeAsString(), request.network().SerializeAsString())
      << "as it was asked for, not what it came to";
  Pause(sandbox_id);
  const auto environment = EnvironmentOf(sandbox_id);
  EXPECT_EQ(environment.network().SerializeAsString(), told.policy().SerializeAsString());
  EXPECT_EQ(environment.network().preset(), "packages");
}

TEST_F(NetworkCreateTest, ItIsItsTenantsAsAnyOther) {
  Call call;
  call.who.tenant = "acme";
  Answer<warren::v1::Sandbox> answer;
  Ask(WithNetwork("a.example"), answer, call);
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
  SetByRelay(sandbox_id);
  ASSERT_TRUE(answer.Wait().ok());
  Answer<std::shared_ptr<SandboxHandle>> own;
  backend->Open(call, sandbox_id, own.Take());
  EXPECT_TRUE(own.Wait().ok());
  call.who.tenant = "zeta";
  Answer<std::shared_ptr<SandboxHandle>> anothers;
  backend->Open(call, sandbox_id, anothers.Take());
  EXPECT_TRUE(absl::IsNotFound(anothers.Wait().status()));
}

TEST_F(NetworkCreateTest, ANetworkThatDeniesEverythingNeedsNobody) {
  CreateSandboxRequest request;
  request.mutable_network()->set_preset("none");
  Answer<warren::v1::Sandbox> answer;
  Ask(request, answer);
  EXPECT_TRUE(answer.Wait().ok());
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(NetworkCreateTest, APresetThatIsNoneIsRefused) {
  CreateSandboxRequest request;
  request.mutable_network()->set_preset("everything");
  const absl::Status refused = CreateRefused(request);
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(refused.message(), HasSubstr("packages"));
  EXPECT_TRUE(absl::IsInvalidArgument(CreateRefused(WithNetwork("a..example"))));
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(NetworkCreateTest, WithoutItsNetworkThereIsNoSandbox) {
  Answer<warren::v1::Sandbox> answer;
  Ask(WithNetwork("a.example"), answer);
  launcher.Reply(launcher.Expect(LauncherRequest::kOpenNetwork), absl::UnavailableError("not now"));
  auto sandbox = answer.Wait();
  EXPECT_TRUE(absl::IsUnavailable(sandbox.status()));
  EXPECT_THAT(sandbox.status().message(), HasSubstr("not now"));
  ExpectDestroyed(sandbox_id);
}

TEST_F(NetworkCreateTest, OneThatDiesMeanwhileIsAnError) {
  Answer<warren::v1::Sandbox> answer;
  Ask(WithNetwork("a.example"), answer);
  launcher.Expect(LauncherRequest::kOpenNetwork);
  launcher.SendGone(sandbox_id, SandboxGone::INIT_DIED);
  EXPECT_EQ(answer.Wait().status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(List({})->sandboxes_size(), 1);
}

TEST_F(NetworkCreateTest, WhoGoesWhileItIsMadeLeavesNothing) {
  Answer<warren::v1::Sandbox> answer;
  CreateSandboxRequest request = WithNetwork("a.example");
  request.mutable_limits()->set_pids(100);
  auto operation = backend->Create(Call(), request, answer.Take());
  auto launch = launcher.Expect(LauncherRequest::kCreateSandbox);
  operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(answer.Wait().status()));
  auto worker = launcher.ReplyLaunched(launch);
  worker->SendReady();
  ExpectDestroyed(LaunchedId(launch));
  operation->Cancel();
  Settle();
  EXPECT_EQ(answer.count(), 1);
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(NetworkCreateTest, WhoGoesWhileItsNetworkIsOpenedLeavesNothing) {
  Answer<warren::v1::Sandbox> answer;
  auto operation = Ask(WithNetwork("a.example"), answer);
  auto open = launcher.Expect(LauncherRequest::kOpenNetwork);
  operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(answer.Wait().status()));
  ExpectDestroyed(sandbox_id);
  // What comes of it yet changes nothing.
  launcher.ReplyOk(open);
  SetByRelay(sandbox_id);
  operation->Cancel();
  Settle();
  EXPECT_EQ(answer.count(), 1);
  launcher.SendGone(sandbox_id, SandboxGone::DESTROYED);
  EXPECT_TRUE(relay.Next().has_forget());
  EXPECT_EQ(List({})->sandboxes_size(), 1);
}

TEST_F(NetworkCreateTest, WhoGoesAfterwardsLeavesItThere) {
  Answer<warren::v1::Sandbox> answer;
  auto operation = Ask(WithNetwork("a.example"), answer);
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
  SetByRelay(sandbox_id);
  EXPECT_TRUE(answer.Wait().ok());
  operation->Cancel();
  Settle();
  EXPECT_FALSE(launcher.Poll());
  EXPECT_EQ(List({})->sandboxes_size(), 2);
}

TEST_F(NetworkCreateTest, ARelayThatSaysNothingIsWaitedForInVain) {
  Answer<warren::v1::Sandbox> answer;
  Ask(WithNetwork("a.example"), answer);
  auto open = launcher.Expect(LauncherRequest::kOpenNetwork);
  // It gives up at once.
  OnLoop([&] { backend->host().pace = 0.001; });
  launcher.ReplyOk(open);
  relay.NextPolicy(sandbox_id);
  EXPECT_TRUE(absl::IsUnavailable(answer.Wait().status()));
  ExpectDestroyed(sandbox_id);
}

class PooledNetworkTest : public LocalNetworkTest {
 protected:
  PooledNetworkTest() : LocalNetworkTest({.ready = {1, 1}}) {}
  // The pool has one ready.
  void SetUp() override {
    launcher.ReplyZygote(launcher.Expect(LauncherRequest::kStartZygote), 1);
    auto launch = launcher.Expect(LauncherRequest::kCreateSandbox);
    sandbox_id = LaunchedId(launch);
    workers.push_back(launcher.ReplyLaunched(launch));
    workers.back()->SendReady();
    EXPECT_TRUE(Eventually([&] { return List({})->pools(0).ready() == 1; }));
    StartRelay();
  }
  // It takes the pool some time to make the next.
  LauncherRequest Expect(LauncherRequest::RequestCase kind) {
    std::optional<LauncherRequest> request;
    do {
      EXPECT_TRUE(Eventually([&] { return (request = launcher.Poll()).has_value(); }));
    } while (request && request->has_create_sandbox());
    EXPECT_EQ(request->request_case(), kind);
    return *request;
  }
};

TEST_F(PooledNetworkTest, OneOfThePoolGetsItsNetworkThen) {
  Answer<warren::v1::Sandbox> answer;
  backend->Create(Call(), WithNetwork("a.example"), answer.Take());
  auto open = Expect(LauncherRequest::kOpenNetwork);
  EXPECT_EQ(open.open_network().sandbox_id(), sandbox_id);
  launcher.ReplyOk(open);
  EXPECT_THAT(Hosts(SetByRelay(sandbox_id)), ElementsAre("a.example"));
  auto sandbox = answer.Wait();
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_TRUE(sandbox->from_pool());
  EXPECT_EQ(sandbox->sandbox_id(), sandbox_id);
}

TEST_F(PooledNetworkTest, OneOfThePoolWhoseClientGoesIsDestroyed) {
  Answer<warren::v1::Sandbox> answer;
  auto operation = backend->Create(Call(), WithNetwork("a.example"), answer.Take());
  Expect(LauncherRequest::kOpenNetwork);
  operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(answer.Wait().status()));
  EXPECT_EQ(Expect(LauncherRequest::kDestroySandbox).destroy_sandbox().sandbox_id(), sandbox_id);
}

TEST_F(PooledNetworkTest, OneOfThePoolThatNeedsNoNetworkIsThereAtOnce) {
  Answer<warren::v1::Sandbox> answer;
  backend->Create(Call(), {}, answer.Take());
  EXPECT_EQ(answer.count(), 1);
}

// ---- A leased sandbox

TEST_F(NetworkCreateTest, ANetworkIsGivenToOneThatHasNone) {
  Answer<warren::v1::Sandbox> created;
  Ask({}, created);
  ASSERT_TRUE(created.Wait().ok());
  auto handle = Open(sandbox_id);
  Answer<warren::v1::Sandbox> answer;
  SetSandboxNetworkRequest request;
  request.mutable_network()->add_allow()->set_host("a.example");
  handle->SetNetwork(Call(), request, answer.Take());
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
  EXPECT_THAT(Hosts(SetByRelay(sandbox_id)), ElementsAre("a.example"));
  ASSERT_TRUE(answer.Wait().ok());
  EXPECT_EQ(answer.Wait()->sandbox_id(), sandbox_id);

  // An empty one denies everything.
  Answer<warren::v1::Sandbox> none;
  handle->SetNetwork(Call(), {}, none.Take());
  EXPECT_EQ(SetByRelay(sandbox_id).allow_size(), 0);
  EXPECT_TRUE(none.Wait().ok());

  request.mutable_network()->set_preset("everything");
  EXPECT_TRUE(absl::IsInvalidArgument(SetNetwork(handle, request)));
  request.mutable_network()->set_preset("");
  request.mutable_network()->set_bytes_per_second(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(SetNetwork(handle, request)));
  request.mutable_network()->set_bytes_per_second(0);
  Pause(sandbox_id);
  EXPECT_TRUE(absl::IsFailedPrecondition(SetNetwork(handle, request)));
  launcher.SendGone(sandbox_id, SandboxGone::INIT_DIED);
  EXPECT_TRUE(relay.Next().has_forget());
  EXPECT_TRUE(absl::IsFailedPrecondition(SetNetwork(handle, request)));
  Answer<warren::v1::DestroySandboxResponse> destroyed;
  handle->Destroy(Call(), destroyed.Take());
  EXPECT_TRUE(absl::IsNotFound(SetNetwork(handle, request)));
  auto sink = std::make_shared<NotingSink<NetworkEvent>>();
  handle->WatchNetwork(Call(), sink)->Cancel();
  EXPECT_TRUE(absl::IsNotFound(sink->Wait()));
}

TEST_F(NetworkCreateTest, ItsNetworkIsWatched) {
  Answer<warren::v1::Sandbox> answer;
  Ask(WithNetwork("a.example"), answer);
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
  SetByRelay(sandbox_id);
  ASSERT_TRUE(answer.Wait().ok());
  auto handle = Open(sandbox_id);
  auto slow = std::make_shared<NotingSink<NetworkEvent>>();
  auto sink = std::make_shared<NotingSink<NetworkEvent>>();
  slow->Answer(Flow::kPause);
  auto operation = handle->WatchNetwork(Call(), slow);
  handle->WatchNetwork(Call(), sink);
  for (int i = 0; i < 2; ++i) relay.Say(FakeRelay::Connection(sandbox_id, "a.example"));
  EXPECT_TRUE(Eventually([&] { return sink->events().size() == 2; }));
  operation->Resume();
  Settle();
  relay.Say(FakeRelay::Connection(sandbox_id, "a.example"));
  EXPECT_TRUE(Eventually([&] { return slow->events().size() == 2; }));
  EXPECT_EQ(slow->events().back().lost(), 1);
  operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(slow->Wait()));
  Answer<warren::v1::DestroySandboxResponse> destroyed;
  handle->Destroy(Call(), destroyed.Take());
  EXPECT_FALSE(sink->ended()) << "what is cut by its end is still told";
  launcher.SendGone(sandbox_id, SandboxGone::DESTROYED);
  EXPECT_EQ(sink->Wait(), absl::OkStatus());
}

// ---- What is offered

const warren::v1::Environment::Feature* FindFeature(const warren::v1::Environment& environment,
                                                    const std::string& name) {
  for (const auto& feature : environment.features()) {
    if (feature.name() == name) return &feature;
  }
  return nullptr;
}

TEST_F(NetworkCreateTest, AnEnvironmentTellsOfIt) {
  const std::string id = Open(List({})->sandboxes(0).sandbox_id())->id();
  Pause(id);
  const auto environment = EnvironmentOf(id);
  EXPECT_EQ(environment.network().preset(), "none");
  EXPECT_EQ(environment.network().allow_size(), 0);
  ASSERT_NE(FindFeature(environment, "network"), nullptr);
  EXPECT_TRUE(FindFeature(environment, "network")->available());
  EXPECT_FALSE(FindFeature(environment, "network.every_port")->available())
      << "the host of the tests cannot look sockets up";
}

class NoNetworkTest : public LocalNetworkTest {
 protected:
  NoNetworkTest() : LocalNetworkTest({.network_enabled = false}) {}
};

TEST_F(NoNetworkTest, WhereTheOperatorGivesNoneThereIsNone) {
  const absl::Status refused = CreateRefused(WithNetwork("a.example"));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(refused.message(), HasSubstr("egress policy"));
  const std::string id = Create().sandbox_id();
  SetSandboxNetworkRequest request;
  EXPECT_EQ(SetNetwork(Open(id), request), absl::OkStatus()) << "it denies everything";
  request.mutable_network()->set_preset("packages");
  EXPECT_TRUE(absl::IsFailedPrecondition(SetNetwork(Open(id), request)));
  EXPECT_FALSE(launcher.Poll());
  Pause(id);
  const auto environment = EnvironmentOf(id);
  for (const char* name : {"network", "network.every_port"}) {
    ASSERT_NE(FindFeature(environment, name), nullptr) << name;
    EXPECT_FALSE(FindFeature(environment, name)->available()) << name;
    EXPECT_THAT(FindFeature(environment, name)->reason(), HasSubstr("egress policy")) << name;
  }
}

}  // namespace
}  // namespace warren
