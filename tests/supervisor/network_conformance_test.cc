#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/fake/fake_network.h"
#include "tests/supervisor/conformance.h"
#include "tests/supervisor/noting_sink.h"
#include "tests/support/patience.h"

// What a sandbox may reach, and what is told of it.
namespace warren {
namespace {

using ::testing::HasSubstr;

using WatchSink = NotingSink<v1::NetworkEvent>;

v1::NetworkPolicy PackagesOnly() {
  v1::NetworkPolicy policy;
  policy.set_preset("internet");
  v1::NetworkRule* rule = policy.add_allow();
  rule->set_host("pip.test");
  rule->add_ports()->set_first(443);
  policy.add_deny()->set_host("*.example.com");
  policy.set_bytes_per_second(65536);
  return policy;
}

v1::NetworkEvent Connection(const std::string& name) {
  v1::NetworkEvent event;
  event.set_verdict(v1::NetworkEvent::ALLOWED);
  event.set_name(name);
  event.set_address("203.0.113.7");
  event.set_port(443);
  event.set_bytes_sent(1);
  event.set_bytes_received(2);
  return event;
}

v1::NetworkPolicy PolicyOf(SandboxHandle& sandbox) {
  auto environment =
      Ask<v1::Environment>([&](auto reply) { sandbox.GetEnvironment({}, std::move(reply)); });
  EXPECT_TRUE(environment.ok()) << environment.status();
  EXPECT_TRUE(environment->has_network());
  return environment->network();
}

v1::NetworkPolicy AskedOf(SandboxHandle& sandbox) {
  auto told = Ask<v1::Sandbox>([&](auto reply) { sandbox.Get({}, std::move(reply)); });
  EXPECT_TRUE(told.ok()) << told.status();
  return told->network();
}

absl::StatusOr<v1::Sandbox> SetNetwork(SandboxHandle& sandbox, const v1::NetworkPolicy& policy) {
  v1::SetSandboxNetworkRequest request;
  *request.mutable_network() = policy;
  return Ask<v1::Sandbox>([&](auto reply) { sandbox.SetNetwork({}, request, std::move(reply)); });
}

struct Watch {
  std::shared_ptr<WatchSink> sink = std::make_shared<WatchSink>();
  std::unique_ptr<Operation> operation;
};
// One that is there when this returns.
Watch BeginWatch(FakeBackend& fake, SandboxHandle& sandbox) {
  const size_t before = fake.network_watchers();
  Watch watch;
  watch.operation = sandbox.WatchNetwork({}, watch.sink);
  EXPECT_TRUE(Eventually([&] { return fake.network_watchers() == before + 1; }));
  return watch;
}

TEST_P(BackendTest, APolicyIsToldAsItWasAskedFor) {
  if (Unseen("rates")) return;
  v1::CreateSandboxRequest request;
  *request.mutable_network() = PackagesOnly();
  auto made = Create(request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(PolicyOf(**Open(made->sandbox_id())).SerializeAsString(),
            PackagesOnly().SerializeAsString());
  EXPECT_EQ(AskedOf(**Open(made->sandbox_id())).SerializeAsString(),
            PackagesOnly().SerializeAsString());
}

TEST_P(BackendTest, WhereNobodyAsksThereIsNone) {
  auto sandbox = NewSandbox();
  v1::NetworkPolicy policy = PolicyOf(*sandbox);
  EXPECT_EQ(policy.preset(), "none");
  EXPECT_EQ(policy.allow_size(), 0);
  auto of_template = Ask<v1::Environment>(
      [&](auto reply) { backend().GetEnvironment({}, "base", std::move(reply)); });
  EXPECT_FALSE(of_template->has_network());
}

TEST_P(BackendTest, APolicyCanBeReplaced) {
  if (Unseen("rates")) return;
  auto sandbox = NewSandbox();
  auto changed = SetNetwork(*sandbox, PackagesOnly());
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->sandbox_id(), sandbox->id());
  EXPECT_EQ(PolicyOf(*sandbox).SerializeAsString(), PackagesOnly().SerializeAsString());
  EXPECT_EQ(changed->network().SerializeAsString(), PackagesOnly().SerializeAsString());
  EXPECT_EQ(AskedOf(*sandbox).SerializeAsString(), PackagesOnly().SerializeAsString());
  // Unset: nothing is let out.
  ASSERT_TRUE(SetNetwork(*sandbox, {}).ok());
  EXPECT_EQ(PolicyOf(*sandbox).preset(), "none");
  ASSERT_TRUE(Pause(*sandbox).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(SetNetwork(*sandbox, PackagesOnly()).status()));
  ASSERT_TRUE(Destroy(*sandbox).ok());
  EXPECT_TRUE(absl::IsNotFound(SetNetwork(*sandbox, PackagesOnly()).status()));
}

TEST_P(BackendTest, APolicyThatCannotBeIsRefusedAndChangesNothing) {
  v1::NetworkPolicy policy = PackagesOnly();
  policy.mutable_allow(0)->set_host("two words");
  v1::CreateSandboxRequest request;
  *request.mutable_network() = policy;
  absl::Status refused = Create(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("network.allow[0].host"));
  EXPECT_EQ(fake().sandboxes(), 0u);
  auto sandbox = NewSandbox();
  refused = SetNetwork(*sandbox, policy).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("network.allow[0].host"));
  EXPECT_EQ(PolicyOf(*sandbox).preset(), "none");
}

TEST_P(BackendTest, WhoWatchesIsToldInOrderUntilTheSandboxEnds) {
  if (Lacks("network.watch")) return;
  auto sandbox = NewSandbox();
  Watch first = BeginWatch(fake(), *sandbox);
  Watch second = BeginWatch(fake(), *sandbox);
  v1::NetworkEvent denied;
  denied.set_verdict(v1::NetworkEvent::DENIED);
  denied.set_name("example.org");
  denied.set_port(80);
  denied.set_reason("no rule allows it");
  ASSERT_TRUE(fake().TellNetwork(sandbox->id(), Connection("pip.test")).ok());
  ASSERT_TRUE(fake().TellNetwork(sandbox->id(), denied).ok());
  ASSERT_TRUE(Destroy(*sandbox).ok());
  for (const Watch* watch : {&first, &second}) {
    EXPECT_TRUE(watch->sink->Wait().ok()) << watch->sink->Wait();
    auto events = watch->sink->events();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].SerializeAsString(), Connection("pip.test").SerializeAsString());
    EXPECT_EQ(events[1].SerializeAsString(), denied.SerializeAsString());
  }
}

TEST_P(BackendTest, AWatchThatIsCancelledEndsAlone) {
  if (Lacks("network.watch")) return;
  auto sandbox = NewSandbox();
  Watch given_up = BeginWatch(fake(), *sandbox);
  Watch other = BeginWatch(fake(), *sandbox);
  given_up.operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(given_up.sink->Wait())) << given_up.sink->Wait();
  EXPECT_TRUE(Eventually([&] { return fake().network_watchers() == 1; }));
  ASSERT_TRUE(fake().TellNetwork(sandbox->id(), Connection("pip.test")).ok());
  EXPECT_TRUE(Eventually([&] { return other.sink->events().size() == 1; }));
  EXPECT_TRUE(given_up.sink->events().empty());
  ASSERT_TRUE(Destroy(*sandbox).ok());
  EXPECT_TRUE(other.sink->Wait().ok());
}

TEST_P(BackendTest, NoMoreThanSixteenWatch) {
  if (Lacks("network.watch")) return;
  auto sandbox = NewSandbox();
  std::vector<Watch> watches;
  for (size_t i = 0; i < FakeNetwork::kMaxWatchers; ++i)
    watches.push_back(BeginWatch(fake(), *sandbox));
  auto refused = std::make_shared<WatchSink>();
  auto operation = sandbox->WatchNetwork({}, refused);
  EXPECT_TRUE(absl::IsResourceExhausted(refused->Wait())) << refused->Wait();
  // Another has a place as soon as one has gone.
  watches.front().operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(watches.front().sink->Wait()));
  ASSERT_TRUE(Eventually([&] { return fake().network_watchers() == 15; }));
  watches.push_back(BeginWatch(fake(), *sandbox));
  ASSERT_TRUE(Destroy(*sandbox).ok());
}

TEST_P(BackendTest, WhatAWatcherHadNoRoomForIsCounted) {
  if (Lacks("network.watch")) return;
  auto sandbox = NewSandbox();
  Watch watch = BeginWatch(fake(), *sandbox);
  watch.sink->Answer(Flow::kPause);
  constexpr int kEvents = 50;
  for (int i = 0; i < kEvents; ++i) {
    ASSERT_TRUE(fake().TellNetwork(sandbox->id(), Connection(absl::StrCat("n", i))).ok());
  }
  ASSERT_TRUE(Eventually([&] { return watch.sink->events().size() == 1; })) << "the first";
  watch.sink->Answer(Flow::kContinue);
  watch.operation->Resume();
  ASSERT_TRUE(fake().TellNetwork(sandbox->id(), Connection("last")).ok());
  auto told = [&] {
    auto events = watch.sink->events();
    return std::accumulate(events.begin(), events.end(), int64_t{0},
                           [](int64_t sum, const auto& event) { return sum + 1 + event.lost(); });
  };
  EXPECT_TRUE(Eventually([&] { return told() == kEvents + 1; })) << told();
  EXPECT_EQ(watch.sink->events().back().name(), "last");
  ASSERT_TRUE(Destroy(*sandbox).ok());
}

TEST_P(BackendTest, WhatIsNotThereIsNotWatched) {
  if (Lacks("network.watch")) return;
  auto sandbox = NewSandbox();
  ASSERT_TRUE(Destroy(*sandbox).ok());
  auto sink = std::make_shared<WatchSink>();
  auto operation = sandbox->WatchNetwork({}, sink);
  EXPECT_TRUE(absl::IsNotFound(sink->Wait())) << sink->Wait();
  EXPECT_TRUE(sink->events().empty());
}

}  // namespace
}  // namespace warren
