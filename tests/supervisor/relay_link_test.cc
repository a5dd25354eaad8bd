// The socket to the relay, whose other end the test holds: what a relay is told, and what becomes
// of one that tells what it must not.
#include "supervisor/session/relay_link.h"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "supervisor/session/relay_event.h"
#include "tests/supervisor/fake_relay.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::RelayEvent;
using internal::RelayRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A sandbox that says who it is: one name where the relay knows nothing, and a policy.
class NotingClient final : public RelayClient {
 public:
  explicit NotingClient(size_t policy_bytes = 0) : policy_bytes_(policy_bytes) {}
  std::vector<RelayRequest> Requests(Telling telling) override {
    std::vector<RelayRequest> requests;
    if (telling == Telling::kAll)
      requests.emplace_back().mutable_restore_names()->add_names()->set_name("a.example");
    auto& set = *requests.emplace_back().mutable_set_policy();
    set.set_revision(++revision_);
    set.mutable_policy()->set_preset(std::string(policy_bytes_, 'x'));
    return requests;
  }
  absl::Status OnRelayEvent(RelayEvent event) override {
    std::lock_guard lock(mu_);
    noted_.push_back(event.has_network() ? event.network().name()
                                         : absl::StrCat(event.event_case()));
    return refuses_ ? absl::InvalidArgumentError("no") : absl::OkStatus();
  }
  void OnRelayLost() override {
    std::lock_guard lock(mu_);
    noted_.push_back("lost");
  }
  void Refuse() {
    std::lock_guard lock(mu_);
    refuses_ = true;
  }
  std::vector<std::string> noted() const {
    std::lock_guard lock(mu_);
    return noted_;
  }

 private:
  const size_t policy_bytes_;
  uint64_t revision_ = 0;
  mutable std::mutex mu_;
  std::vector<std::string> noted_;
  bool refuses_ = false;
};

class RelayLinkTest : public LoopTest {
 protected:
  RelayLinkTest() : link(*loop) {}
  ~RelayLinkTest() override { StopLoop(); }

  void Start(FakeRelay& fake) {
    auto socket = std::make_shared<UniqueFd>(fake.TakeSocket());
    OnLoop([&] { link.Start(std::move(*socket)); });
  }
  void Add(const std::string& id, const std::shared_ptr<NotingClient>& added) {
    OnLoop([&] {
      link.Add(id, added);
      link.Touch(id);
    });
  }
  bool Connected() {
    bool connected = false;
    OnLoop([&] { connected = link.connected(); });
    return connected;
  }
  // A relay that knows of sb1.
  void StartWithOne() {
    Start(relay);
    Add("sb1", client);
    relay.Next();
    relay.Next();
  }
  // What it said last was its end.
  void ExpectGivenUp() {
    EXPECT_TRUE(relay.WaitForEnd());
    EXPECT_FALSE(Connected());
    EXPECT_EQ(client->noted().back(), "lost");
  }

  RelayLink link;
  FakeRelay relay;
  std::shared_ptr<NotingClient> client = std::make_shared<NotingClient>();
};

TEST_F(RelayLinkTest, ARelayIsToldAllAndThenTheNews) {
  StartWithOne();
  OnLoop([&] { link.Touch("sb1"); });
  EXPECT_EQ(relay.NextPolicy("sb1").revision(), 2u) << "and no name again";
  OnLoop([&] { link.Remove("sb1"); });
  const RelayRequest forget = relay.Next();
  EXPECT_TRUE(forget.has_forget());
  EXPECT_EQ(forget.sandbox_id(), "sb1");
  OnLoop([&] {
    link.Touch("sb1");
    link.Remove("sb1");
  });
  Settle();
  EXPECT_FALSE(relay.Poll());
}

TEST_F(RelayLinkTest, TheNextRelayIsToldAllAgain) {
  StartWithOne();
  relay.Die();
  EXPECT_TRUE(Eventually([&] { return client->noted() == std::vector<std::string>{"lost"}; }));
  // Nobody is there to hear of it, then or later.
  auto brief = std::make_shared<NotingClient>();
  Add("sb2", brief);
  OnLoop([&] { link.Remove("sb2"); });
  FakeRelay next;
  Start(next);
  EXPECT_TRUE(next.Next().has_restore_names());
  EXPECT_EQ(next.NextPolicy("sb1").revision(), 2u);
  Settle();
  EXPECT_FALSE(next.Poll());
}

TEST_F(RelayLinkTest, WithoutARelayNothingIsAsked) {
  Add("sb1", client);
  OnLoop([&] { link.Touch("sb1"); });
  Start(relay);
  EXPECT_TRUE(relay.Next().has_restore_names());
  EXPECT_EQ(relay.NextPolicy("sb1").revision(), 1u);
}

TEST_F(RelayLinkTest, AFullSocketHoldsBackAndLosesNothing) {
  constexpr int kSandboxes = 200;
  std::vector<std::shared_ptr<NotingClient>> clients;
  for (int i = 0; i < kSandboxes; ++i) {
    clients.push_back(std::make_shared<NotingClient>(/*policy_bytes=*/100'000));
    OnLoop([&] { link.Add(absl::StrCat("sb", i), clients.back()); });
  }
  Start(relay);
  // News that finds it waiting comes with the rest.
  for (int i = 0; i < kSandboxes; ++i) OnLoop([&] { link.Touch(absl::StrCat("sb", i)); });
  int names = 0;
  int policies = 0;
  int second = 0;
  while (policies - second < kSandboxes) {
    const RelayRequest request = relay.Next();
    ASSERT_NE(request.request_case(), RelayRequest::REQUEST_NOT_SET);
    names += request.has_restore_names() ? 1 : 0;
    policies += request.has_set_policy() ? 1 : 0;
    second += request.set_policy().revision() > 1 ? 1 : 0;
  }
  EXPECT_EQ(names, kSandboxes);
  EXPECT_LT(second, 10) << "those that were told before the socket was full";
}

TEST_F(RelayLinkTest, ARequestThatIsTooLargeIsLostAlone) {
  Start(relay);
  Add("sb1", std::make_shared<NotingClient>(/*policy_bytes=*/4 << 20));
  Add("sb2", client);
  EXPECT_EQ(relay.Next().sandbox_id(), "sb1");
  EXPECT_EQ(relay.Next().sandbox_id(), "sb2");
}

TEST_F(RelayLinkTest, EventsGoToTheirSandbox) {
  StartWithOne();
  relay.Say(FakeRelay::Connection("sb1", "a.example"));
  relay.SayPolicySet("sb1", 1);
  EXPECT_TRUE(Eventually([&] { return client->noted().size() == 2; }));
  EXPECT_THAT(client->noted(), ElementsAre("a.example", absl::StrCat(RelayEvent::kPolicySet)));
  EXPECT_TRUE(Connected());
}

TEST_F(RelayLinkTest, WhatIsOfAForgottenSandboxIsPassedOver) {
  StartWithOne();
  OnLoop([&] { link.Remove("sb1"); });
  relay.Say(FakeRelay::Connection("sb1", "a.example"));
  auto other = std::make_shared<NotingClient>();
  Add("sb2", other);
  for (int i = 0; i < 3; ++i) relay.Next();
  relay.Say(FakeRelay::Connection("sb2", "b.example"));
  EXPECT_TRUE(Eventually([&] { return !other->noted().empty(); }));
  EXPECT_TRUE(Connected());
  EXPECT_THAT(client->noted(), IsEmpty());
}

TEST_F(RelayLinkTest, TheLastWordsOfTheDeadAreHeard) {
  StartWithOne();
  WhileItStands([&] {
    // With something unread its end comes as an error, before what it had said.
    link.Touch("sb1");
    for (int i = 0; i < 100; ++i) relay.Say(FakeRelay::Connection("sb1", "last.example"));
    relay.Die();
  });
  EXPECT_TRUE(Eventually([&] { return client->noted().size() == 101; }));
  EXPECT_EQ(client->noted().back(), "lost");
}

TEST_F(RelayLinkTest, OneThatIsReplacedIsHeardOutAndGivenUp) {
  StartWithOne();
  FakeRelay next;
  auto socket = std::make_shared<UniqueFd>(next.TakeSocket());
  WhileItStands([&] {
    for (int i = 0; i < 100; ++i) relay.Say(FakeRelay::Connection("sb1", "last.example"));
    link.Start(std::move(*socket));
  });
  EXPECT_EQ(client->noted().size(), 101u);
  EXPECT_EQ(client->noted().back(), "lost");
  EXPECT_TRUE(relay.WaitForEnd());
  EXPECT_TRUE(next.Next().has_restore_names());
}

TEST_F(RelayLinkTest, AStoppingSupervisorTellsNobody) {
  StartWithOne();
  OnLoop([&] { link.Close(); });
  EXPECT_TRUE(relay.WaitForEnd());
  EXPECT_THAT(client->noted(), IsEmpty());
}

// ---- A relay that is not trusted

TEST_F(RelayLinkTest, WhatIsOfNoSandboxEndsIt) {
  StartWithOne();
  relay.Say(FakeRelay::Connection("sb2", "a.example"));
  ExpectGivenUp();
  // It is told nothing until there is another.
  OnLoop([&] { link.Touch("sb1"); });
  FakeRelay next;
  Start(next);
  EXPECT_TRUE(next.Next().has_restore_names());
  EXPECT_TRUE(next.Next().has_set_policy());
}

TEST_F(RelayLinkTest, WhatIsOfASandboxThatItWasNotToldOfEndsIt) {
  StartWithOne();
  OnLoop([&] { link.Add("sb2", client); });
  relay.Say(FakeRelay::Connection("sb2", "a.example"));
  ExpectGivenUp();
}

TEST_F(RelayLinkTest, WhatItsSandboxRefusesEndsIt) {
  StartWithOne();
  client->Refuse();
  relay.SayPolicySet("sb1", 7);
  ExpectGivenUp();
}

TEST_F(RelayLinkTest, DescriptorsEndIt) {
  StartWithOne();
  const int fds[] = {0};
  relay.Say(FakeRelay::Connection("sb1", "a.example").SerializeAsString(), fds);
  ExpectGivenUp();
  EXPECT_EQ(client->noted().size(), 1u);
}

TEST_F(RelayLinkTest, MalformedEventsEndIt) {
  StartWithOne();
  relay.Say("\xff\xff\xff");
  ExpectGivenUp();
}

TEST_F(RelayLinkTest, ALongMessageEndsIt) {
  StartWithOne();
  relay.Say(std::string(kMaxRelayEventBytes + 1, '\0'));
  ExpectGivenUp();
}

// ---- The form of an event

absl::Status Parse(const RelayEvent& event) {
  return ParseRelayEvent(event.SerializeAsString()).status();
}
template <class Change>
absl::Status ParseChanged(Change change) {
  RelayEvent event = FakeRelay::Connection("sb1", "a.example");
  EXPECT_EQ(Parse(event), absl::OkStatus());
  change(event, *event.mutable_network());
  return Parse(event);
}

TEST(RelayEventTest, WhatIsOfTheFormIsTaken) {
  const auto none = [](RelayEvent&, warren::v1::NetworkEvent& network) {
    network.clear_name();
    network.clear_address();
    network.set_port(0);
    network.set_verdict(warren::v1::NetworkEvent::DENIED);
    network.set_reason(std::string(512, 'r'));
  };
  EXPECT_EQ(ParseChanged(none), absl::OkStatus());
  RelayEvent event;
  event.set_sandbox_id("sb1");
  event.mutable_name_assigned()->set_name("xn--bcher-kva.example");
  event.mutable_name_assigned()->set_index(kMaxNameIndex);
  EXPECT_EQ(Parse(event), absl::OkStatus());
}

void SetName(RelayEvent& event, const std::string& name, uint32_t index) {
  event.mutable_name_assigned()->set_name(name);
  event.mutable_name_assigned()->set_index(index);
}

TEST(RelayEventTest, WhatIsNotIsRefused) {
  using Network = warren::v1::NetworkEvent;
  const std::vector<std::function<void(RelayEvent&, Network&)>> changes = {
      [](RelayEvent& event, Network&) { event.clear_event(); },
      [](RelayEvent& event, Network&) { event.clear_sandbox_id(); },
      [](RelayEvent& event, Network&) { event.set_sandbox_id(std::string(65, 's')); },
      [](RelayEvent& event, Network&) { event.mutable_policy_set(); },
      [](RelayEvent& event, Network&) { event.mutable_name_assigned()->set_index(1); },
      [](RelayEvent& event, Network&) { SetName(event, "A.example", 1); },
      [](RelayEvent& event, Network&) { SetName(event, "a.example.", 1); },
      [](RelayEvent& event, Network&) { SetName(event, "10.0.0.1", 1); },
      [](RelayEvent& event, Network&) { SetName(event, "a\nb.example", 1); },
      [](RelayEvent& event, Network&) { SetName(event, "a.example", 0); },
      [](RelayEvent& event, Network&) { SetName(event, "a.example", kMaxNameIndex + 1); },
      [](RelayEvent&, Network& network) { network.clear_verdict(); },
      [](RelayEvent&, Network& network) { network.set_verdict(Network::NETWORK_LOST); },
      [](RelayEvent&, Network& network) { network.set_verdict(static_cast<Network::Verdict>(9)); },
      [](RelayEvent&, Network& network) { network.clear_at(); },
      [](RelayEvent&, Network& network) { network.mutable_at()->set_seconds(int64_t{1} << 60); },
      [](RelayEvent&, Network& network) { network.mutable_at()->set_nanos(-1); },
      [](RelayEvent&, Network& network) { network.set_name("a..example"); },
      [](RelayEvent&, Network& network) { network.set_address("203.0.113.7 x=y"); },
      [](RelayEvent&, Network& network) { network.set_port(65536); },
      [](RelayEvent&, Network& network) { network.set_reason(std::string(513, 'r')); },
      [](RelayEvent&, Network& network) { network.set_bytes_sent(-1); },
      [](RelayEvent&, Network& network) { network.set_bytes_received(-1); },
      [](RelayEvent&, Network& network) { network.set_lost(-1); },
      [](RelayEvent&, Network& network) { network.set_lost(kMostLostEvents + 1); },
  };
  for (size_t i = 0; i < changes.size(); ++i)
    EXPECT_TRUE(absl::IsInvalidArgument(ParseChanged(changes[i]))) << i;
}

TEST(RelayEventTest, WhatNobodyKnowsIsNotPassedOn) {
  RelayEvent event = FakeRelay::Connection("sb1", "a.example");
  const std::string known = event.SerializeAsString();
  auto* fields = event.GetReflection()->MutableUnknownFields(&event);
  fields->AddLengthDelimited(99, "hello");
  auto* network = event.mutable_network();
  network->GetReflection()->MutableUnknownFields(network)->AddVarint(99, 1);
  auto parsed = ParseRelayEvent(event.SerializeAsString());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->SerializeAsString(), known);
}

}  // namespace
}  // namespace warren
