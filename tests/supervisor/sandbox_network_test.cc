// The network of one sandbox, over a launcher and a relay that the test plays.
#include "supervisor/session/sandbox_network.h"

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/supervisor/fake_relay.h"
#include "tests/supervisor/noting_sink.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::RelayRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using warren::v1::NetworkEvent;
using warren::v1::NetworkPolicy;
using Watching = NotingSink<NetworkEvent>;

NetworkPolicy Allowing(const std::string& host) {
  NetworkPolicy policy;
  policy.set_preset("none");
  policy.add_allow()->set_host(host);
  return policy;
}
NetworkPolicy Nothing() {
  NetworkPolicy policy;
  policy.set_preset("none");
  return policy;
}

// That it allows; empty for none.
std::string FirstHost(const NetworkPolicy& policy) {
  return policy.allow_size() == 0 ? "" : policy.allow(0).host();
}

class SandboxNetworkTest : public SessionTest {
 protected:
  struct Outcome {
    std::atomic<bool> done{false};
    absl::Status status;
    absl::Status Wait() {
      EXPECT_TRUE(Eventually([this] { return done.load(); }));
      return status;
    }
  };
  std::shared_ptr<Outcome> Set(NetworkPolicy policy) {
    auto outcome = std::make_shared<Outcome>();
    loop->Post([this, policy = std::move(policy), outcome]() mutable {
      sandbox->SetNetwork(std::move(policy), [outcome](absl::Status status) {
        outcome->status = std::move(status);
        outcome->done = true;
      });
    });
    return outcome;
  }
  void StartRelay(FakeRelay& fake) { launcher.SendRelayStarted(fake.TakeSocket()); }
  // The relay is there, and a first policy holds.
  void OpenWith(const NetworkPolicy& policy) {
    StartRelay(relay);
    auto set = Set(policy);
    launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
    relay.SayPolicySet("sb1", relay.NextPolicy("sb1").revision());
    EXPECT_EQ(set->Wait(), absl::OkStatus());
  }
  std::string AllowedNow() {
    std::string hosts;
    OnLoop([&] {
      for (const auto& rule : sandbox->network()->policy().allow()) hosts += rule.host();
    });
    return hosts;
  }
  std::shared_ptr<Watching> Watch() {
    auto sink = std::make_shared<Watching>();
    watchers.push_back(sandbox->network()->watchers().Add(sink));
    return sink;
  }
  // What the relay said before has come in, or the relay was given up.
  void ExpectGivenUp() {
    EXPECT_TRUE(relay.WaitForEnd());
    bool connected = true;
    OnLoop([&] { connected = host.relay.connected(); });
    EXPECT_FALSE(connected);
  }

  FakeWorker worker;
  std::shared_ptr<Sandbox> sandbox = MakeReadySandbox(worker);
  FakeRelay relay;
  std::vector<NetworkWatchers::WatcherRef> watchers;
};

// ---- Policies

TEST_F(SandboxNetworkTest, ASandboxThatAsksForNoneHasNone) {
  StartRelay(relay);
  Settle();
  EXPECT_EQ(sandbox->FindNetwork(), nullptr);
  EXPECT_FALSE(launcher.Poll());
  EXPECT_FALSE(relay.Poll());
}

TEST_F(SandboxNetworkTest, APolicyHoldsWhenTheRelaySaysSo) {
  StartRelay(relay);
  NetworkPolicy policy = Allowing("a.example");
  policy.mutable_allow(0)->add_ports()->set_first(8443);
  auto set = Set(policy);
  auto open = launcher.Expect(LauncherRequest::kOpenNetwork);
  EXPECT_EQ(open.open_network().sandbox_id(), "sb1");
  EXPECT_THAT(open.open_network().ports(), ElementsAre(8443));
  Settle();
  EXPECT_FALSE(relay.Poll()) << "its sockets first";
  launcher.ReplyOk(open);
  auto told = relay.NextPolicy("sb1");
  EXPECT_EQ(told.policy().SerializeAsString(), policy.SerializeAsString());
  Settle();
  EXPECT_FALSE(set->done);
  EXPECT_EQ(AllowedNow(), "");
  relay.SayPolicySet("sb1", told.revision());
  EXPECT_EQ(set->Wait(), absl::OkStatus());
  EXPECT_EQ(AllowedNow(), "a.example");

  // Its sockets are there.
  auto next = Set(Allowing("b.example"));
  told = relay.NextPolicy("sb1");
  EXPECT_EQ(FirstHost(told.policy()), "b.example");
  relay.SayPolicySet("sb1", told.revision());
  EXPECT_EQ(next->Wait(), absl::OkStatus());
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(SandboxNetworkTest, APolicyThatDeniesEverythingOpensNothing) {
  StartRelay(relay);
  NetworkPolicy policy = Nothing();
  policy.add_deny()->set_host("a.example");
  EXPECT_EQ(Set(policy)->Wait(), absl::OkStatus());
  EXPECT_FALSE(launcher.Poll());
  EXPECT_FALSE(relay.Poll());
  OnLoop([&] { EXPECT_EQ(sandbox->network()->policy().deny_size(), 1); });
}

TEST_F(SandboxNetworkTest, APolicyThatDeniesEverythingIsToldWhereOneAllowedSomething) {
  OpenWith(Allowing("a.example"));
  auto set = Set(Nothing());
  auto told = relay.NextPolicy("sb1");
  EXPECT_EQ(told.policy().allow_size(), 0);
  EXPECT_FALSE(set->done);
  relay.SayPolicySet("sb1", told.revision());
  EXPECT_EQ(set->Wait(), absl::OkStatus());
}

TEST_F(SandboxNetworkTest, ChangesAreMadeInOrder) {
  OpenWith(Allowing("a.example"));
  std::vector<std::shared_ptr<Outcome>> sets;
  for (int i = 0; i < 3; ++i) sets.push_back(Set(Allowing(absl::StrCat("n", i, ".example"))));
  for (int i = 0; i < 3; ++i) {
    auto told = relay.NextPolicy("sb1");
    EXPECT_EQ(FirstHost(told.policy()), absl::StrCat("n", i, ".example"));
    Settle();
    EXPECT_FALSE(relay.Poll()) << "one at a time";
    EXPECT_FALSE(sets[i]->done);
    relay.SayPolicySet("sb1", told.revision());
    EXPECT_EQ(sets[i]->Wait(), absl::OkStatus());
  }
  EXPECT_EQ(AllowedNow(), "n2.example");
}

TEST_F(SandboxNetworkTest, TooManyChangesAtATimeAreRefused) {
  OpenWith(Allowing("a.example"));
  for (size_t i = 0; i < SandboxNetwork::kMaxChanges; ++i) Set(Nothing());
  EXPECT_TRUE(absl::IsUnavailable(Set(Nothing())->Wait()));
}

TEST_F(SandboxNetworkTest, APolicyThatFitsIntoNoMessageIsRefused) {
  NetworkPolicy policy;
  for (int i = 0; i < 1200; ++i) policy.add_allow()->set_host(std::string(250, 'a'));
  EXPECT_TRUE(absl::IsInvalidArgument(Set(policy)->Wait()));
}

TEST_F(SandboxNetworkTest, WhatTheLauncherRefusesIsTheAnswer) {
  StartRelay(relay);
  auto refused = Set(Allowing("a.example"));
  launcher.Reply(launcher.Expect(LauncherRequest::kOpenNetwork),
                 absl::FailedPreconditionError("no sandbox has a network"));
  EXPECT_THAT(refused->Wait().message(), HasSubstr("no sandbox has a network"));
  auto gone = Set(Allowing("a.example"));
  launcher.Reply(launcher.Expect(LauncherRequest::kOpenNetwork), absl::NotFoundError("what?"));
  EXPECT_TRUE(absl::IsFailedPrecondition(gone->Wait()));
  EXPECT_THAT(gone->status.message(), HasSubstr("is dead"));
  EXPECT_EQ(AllowedNow(), "");
  // Again from the start.
  auto set = Set(Allowing("a.example"));
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
  relay.SayPolicySet("sb1", relay.NextPolicy("sb1").revision());
  EXPECT_EQ(set->Wait(), absl::OkStatus());
}

TEST_F(SandboxNetworkTest, APausedSandboxKeepsItsPolicy) {
  OpenWith(Allowing("a.example"));
  sandbox->Pause([](absl::Status) {});
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
  auto set = Set(Nothing());
  EXPECT_TRUE(absl::IsFailedPrecondition(set->Wait()));
  EXPECT_THAT(set->status.message(), HasSubstr("paused"));
  EXPECT_EQ(AllowedNow(), "a.example");
}

// ---- The relay comes and goes

TEST_F(SandboxNetworkTest, APolicyWaitsForARelay) {
  auto set = Set(Allowing("a.example"));
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
  Settle();
  EXPECT_FALSE(set->done);
  StartRelay(relay);
  relay.SayPolicySet("sb1", relay.NextPolicy("sb1").revision());
  EXPECT_EQ(set->Wait(), absl::OkStatus());
}

TEST_F(SandboxNetworkTest, WithoutARelayItIsGivenUpInTheEnd) {
  SetPace(kHasty);
  auto set = Set(Allowing("a.example"));
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kOpenNetwork));
  EXPECT_TRUE(absl::IsUnavailable(set->Wait()));
  EXPECT_EQ(AllowedNow(), "");
  // What a relay is told then is what holds.
  StartRelay(relay);
  EXPECT_EQ(relay.NextPolicy("sb1").policy().allow_size(), 0);
}

TEST_F(SandboxNetworkTest, WhatComesTooLateIsTakenBack) {
  OpenWith(Allowing("a.example"));
  SetPace(kHasty);
  auto set = Set(Allowing("b.example"));
  const auto late = relay.NextPolicy("sb1");
  EXPECT_TRUE(absl::IsUnavailable(set->Wait()));
  const auto back = relay.NextPolicy("sb1");
  EXPECT_EQ(FirstHost(back.policy()), "a.example");
  EXPECT_GT(back.revision(), late.revision());
  relay.SayPolicySet("sb1", late.revision());
  relay.SayPolicySet("sb1", back.revision());
  SetPace(kPatient);
  auto next = Set(Allowing("c.example"));
  relay.SayPolicySet("sb1", back.revision());
  relay.SayPolicySet("sb1", relay.NextPolicy("sb1").revision());
  EXPECT_EQ(next->Wait(), absl::OkStatus());
  EXPECT_EQ(AllowedNow(), "c.example");
}

TEST_F(SandboxNetworkTest, TheNextRelayIsToldNamesAndPolicy) {
  OpenWith(Allowing("a.example"));
  // More than one message has room for.
  const std::string label(60, 'n');
  constexpr int kNames = 300;
  for (int i = 0; i < kNames; ++i)
    relay.SayName("sb1", absl::StrCat(label, i, ".", label, ".", label, ".example"), i + 1);
  relay.Die();
  FakeRelay next;
  StartRelay(next);
  std::vector<uint32_t> indices;
  RelayRequest request = next.Next();
  int messages = 0;
  for (; request.has_restore_names(); request = next.Next(), ++messages) {
    EXPECT_LE(request.ByteSizeLong(), size_t{32} << 10);
    for (const auto& name : request.restore_names().names()) indices.push_back(name.index());
  }
  EXPECT_GT(messages, 1);
  ASSERT_EQ(indices.size(), static_cast<size_t>(kNames));
  for (int i = 0; i < kNames; ++i) EXPECT_EQ(indices[i], static_cast<uint32_t>(i) + 1);
  EXPECT_EQ(FirstHost(request.set_policy().policy()), "a.example");
  // Its word on that answers nobody.
  next.SayPolicySet("sb1", request.set_policy().revision());
  auto set = Set(Allowing("b.example"));
  const auto told = next.NextPolicy("sb1");
  Settle();
  EXPECT_FALSE(set->done);
  next.SayPolicySet("sb1", told.revision());
  EXPECT_EQ(set->Wait(), absl::OkStatus());
}

TEST_F(SandboxNetworkTest, AChangeThatARelayTakesToItsGraveIsToldToTheNext) {
  OpenWith(Allowing("a.example"));
  auto set = Set(Allowing("b.example"));
  const auto first = relay.NextPolicy("sb1");
  relay.Die();
  FakeRelay next;
  StartRelay(next);
  const auto second = next.NextPolicy("sb1");
  EXPECT_EQ(FirstHost(second.policy()), "b.example");
  EXPECT_GT(second.revision(), first.revision());
  next.SayPolicySet("sb1", first.revision());
  Settle();
  EXPECT_FALSE(set->done);
  next.SayPolicySet("sb1", second.revision());
  EXPECT_EQ(set->Wait(), absl::OkStatus());
}

TEST_F(SandboxNetworkTest, ARelayThatSetsWhatItWasNotToldIsGivenUp) {
  OpenWith(Allowing("a.example"));
  relay.SayPolicySet("sb1", 1000);
  ExpectGivenUp();
}

TEST_F(SandboxNetworkTest, ANameIsGivenOnce) {
  OpenWith(Allowing("a.example"));
  relay.SayName("sb1", "a.example", 1);
  relay.SayName("sb1", "a.example", 1);
  ExpectGivenUp();
}

TEST_F(SandboxNetworkTest, AnAddressIsGivenOnce) {
  OpenWith(Allowing("a.example"));
  relay.SayName("sb1", "a.example", 1);
  relay.SayName("sb1", "b.example", 1);
  ExpectGivenUp();
}

TEST(NetworkNamesTest, AreBoundedByNumberAndBytes) {
  internal::NameAssigned name;
  NetworkNames many;
  for (size_t i = 0; i < NetworkNames::kMaxNames; ++i) {
    name.set_name(absl::StrCat("n", i));
    name.set_index(static_cast<uint32_t>(i));
    ASSERT_EQ(many.Add(name), absl::OkStatus());
  }
  name.set_name("last");
  name.set_index(5000);
  EXPECT_TRUE(absl::IsInvalidArgument(many.Add(name)));
  NetworkNames large;
  size_t bytes = 0;
  for (uint32_t i = 0; bytes + 250 <= NetworkNames::kMaxNameBytes; ++i) {
    name.set_name(absl::StrCat(1000 + i, std::string(246, 'n')));
    name.set_index(i);
    ASSERT_EQ(large.Add(name), absl::OkStatus());
    bytes += name.name().size();
  }
  name.set_name(std::string(250, 'm'));
  name.set_index(5000);
  EXPECT_TRUE(absl::IsInvalidArgument(large.Add(name)));
}

// ---- The end

TEST_F(SandboxNetworkTest, WithTheSandboxAllEnds) {
  OpenWith(Allowing("a.example"));
  auto sink = Watch();
  auto under_way = Set(Allowing("b.example"));
  auto waiting = Set(Allowing("c.example"));
  relay.NextPolicy("sb1");
  launcher.SendGone("sb1", internal::SandboxGone::INIT_DIED);
  EXPECT_TRUE(absl::IsFailedPrecondition(under_way->Wait()));
  EXPECT_TRUE(absl::IsFailedPrecondition(waiting->Wait()));
  EXPECT_EQ(sink->Wait(), absl::OkStatus());
  EXPECT_TRUE(relay.Next().has_forget());
  auto late = Set(Allowing("d.example"));
  EXPECT_TRUE(absl::IsFailedPrecondition(late->Wait()));
  EXPECT_THAT(late->status.message(), HasSubstr("dead"));
  EXPECT_EQ(Watch()->Wait(), absl::OkStatus()) << "there is nothing to watch";
}

TEST_F(SandboxNetworkTest, AnEndWhileItIsOpenedIsTheAnswer) {
  StartRelay(relay);
  auto set = Set(Allowing("a.example"));
  auto open = launcher.Expect(LauncherRequest::kOpenNetwork);
  launcher.SendGone("sb1", internal::SandboxGone::OUT_OF_MEMORY);
  EXPECT_TRUE(absl::IsFailedPrecondition(set->Wait()));
  launcher.ReplyOk(open);
  Settle();
  EXPECT_FALSE(relay.Poll());
}

TEST_F(SandboxNetworkTest, OneThatHadNoneIsNotForgotten) {
  OpenWith(Allowing("a.example"));
  launcher.SendGone("sb1", internal::SandboxGone::DESTROYED);
  EXPECT_TRUE(relay.Next().has_forget());
  FakeWorker other;
  auto second = std::make_shared<Sandbox>(host, Sandbox::Identity{"sb2", "base", {}},
                                          SandboxStats(), other.TakePipes());
  auto network = second->network();
  OnLoop([&] { network->OnSandboxEnds(); });
  Settle();
  EXPECT_FALSE(relay.Poll());
}

// ---- Watchers

TEST_F(SandboxNetworkTest, WatchersAreToldWhatHappens) {
  OpenWith(Allowing("a.example"));
  auto sink = Watch();
  relay.Say(FakeRelay::Connection("sb1", "a.example"));
  EXPECT_TRUE(Eventually([&] { return sink->events().size() == 1; }));
  const NetworkEvent event = sink->events().front();
  EXPECT_EQ(event.SerializeAsString(),
            FakeRelay::Connection("sb1", "a.example").network().SerializeAsString());
  relay.Die();
  EXPECT_TRUE(Eventually([&] { return sink->events().size() == 2; }));
  EXPECT_EQ(sink->events().back().verdict(), NetworkEvent::NETWORK_LOST);
  EXPECT_TRUE(sink->events().back().has_at());
  EXPECT_FALSE(sink->ended()) << "the sandbox goes on, and so does its network";
}

TEST_F(SandboxNetworkTest, WhoIsSlowIsToldHowManyItMissed) {
  OpenWith(Allowing("a.example"));
  auto slow = Watch();
  auto quick = Watch();
  slow->Answer(Flow::kPause);
  for (int i = 0; i < 10; ++i) relay.Say(FakeRelay::Connection("sb1", "a.example"));
  EXPECT_TRUE(Eventually([&] { return quick->events().size() == 10; }));
  ASSERT_EQ(slow->events().size(), 1u);
  OnLoop([&] { sandbox->network()->watchers().Resume(*watchers[0]); });
  auto event = FakeRelay::Connection("sb1", "a.example");
  event.mutable_network()->set_lost(5);
  relay.Say(event);
  EXPECT_TRUE(Eventually([&] { return slow->events().size() == 2; }));
  EXPECT_EQ(slow->events().back().lost(), 9 + 5);
  EXPECT_EQ(quick->events().back().lost(), 5);
}

TEST_F(SandboxNetworkTest, ThereAreSixteenWatchersAtMost) {
  std::vector<std::shared_ptr<Watching>> sinks;
  for (size_t i = 0; i < NetworkWatchers::kMaxWatchers; ++i) sinks.push_back(Watch());
  EXPECT_TRUE(absl::IsResourceExhausted(Watch()->Wait()));
  OnLoop([&] { sandbox->network()->watchers().Leave(watchers[3]); });
  EXPECT_TRUE(absl::IsCancelled(sinks[3]->Wait()));
  OnLoop([&] { sandbox->network()->watchers().Leave(watchers[3]); });
  EXPECT_FALSE(Watch()->ended());
}

// ---- The audit

// What is logged meanwhile. While nothing else runs that logs.
class Logged {
 public:
  Logged() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    auto logger = std::make_shared<spdlog::logger>("test", sink);
    logger->set_pattern("%v");
    spdlog::set_default_logger(logger);
  }
  ~Logged() { spdlog::set_default_logger(before_); }
  std::vector<std::string> Lines() const {
    return absl::StrSplit(text_.str(), '\n', absl::SkipEmpty());
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST(NetworkAuditTest, EveryEventIsALine) {
  Logged log;
  NetworkAudit audit("sb1");
  NetworkEvent event = FakeRelay::Connection("sb1", "a.example").network();
  const MonotonicTime now = MonotonicClock::now();
  audit.Note(event, now);
  event.set_verdict(NetworkEvent::DENIED);
  event.clear_address();
  event.set_reason("no \"rule\"\nevent=forged");
  event.set_lost(3);
  audit.Note(event, now);
  EXPECT_THAT(
      log.Lines(),
      ElementsAre("event=network sandbox=sb1 verdict=allowed name=\"a.example\" "
                  "address=\"203.0.113.7\" port=443 sent=10 received=20 reason=\"\" unlogged=0",
                  "event=network sandbox=sb1 verdict=denied name=\"a.example\" address=\"\" "
                  "port=443 sent=10 received=20 reason=\"no \\\"rule\\\"\\nevent=forged\" "
                  "unlogged=3"));
}

TEST(NetworkAuditTest, AFloodIsCounted) {
  Logged log;
  NetworkAudit audit("sb1");
  const NetworkEvent event = FakeRelay::Connection("sb1", "a.example").network();
  MonotonicTime now = MonotonicClock::now();
  for (int i = 0; i < 150; ++i) audit.Note(event, now);
  EXPECT_EQ(log.Lines().size(), 100u);
  // Twenty a second.
  for (int i = 0; i < 1000; ++i) {
    now += std::chrono::milliseconds(1);
    audit.Note(event, now);
  }
  ASSERT_EQ(log.Lines().size(), 120u);
  EXPECT_THAT(log.Lines()[100], HasSubstr("unlogged=99"));
  EXPECT_THAT(log.Lines()[101], HasSubstr("unlogged=49"));
  // After a rest, all that it may at once, and no more.
  now += std::chrono::hours(1);
  for (int i = 0; i < 150; ++i) audit.Note(event, now);
  EXPECT_EQ(log.Lines().size(), 220u);
}

}  // namespace
}  // namespace warren
