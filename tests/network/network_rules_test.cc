#include "runtime/network/network_rules.h"

#include <gmock/gmock.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/network/network_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kEnabled[] = "name: \"e\" enabled: true ";

// A policy and an egress policy as text.
NetworkRules Rules(const std::string& policy, const std::string& egress = kEnabled) {
  auto rules = NetworkRules::Compile(FromText<v1::NetworkPolicy>(policy),
                                     FromText<config::EgressPolicy>(egress));
  EXPECT_TRUE(rules.ok()) << rules.status();
  return *rules;
}

TEST(DecideNameTest, WhatNoRuleAllowsIsDenied) {
  const NetworkRules rules = Rules("");
  EXPECT_FALSE(rules.DecideName("example.com", 443).allowed);
  EXPECT_EQ(rules.DecideName("example.com", 443).reason,
            "example.com:443 is denied: no rule of the sandbox's network policy allows it; add an "
            "allow rule for \"example.com\"");
}

TEST(DecideNameTest, ANameIsForItselfAlone) {
  const NetworkRules rules = Rules(R"(allow { host: "example.com" })");
  EXPECT_TRUE(rules.DecideName("example.com", 443).allowed);
  EXPECT_EQ(rules.DecideName("example.com", 443).reason, "");
  for (const char* other : {"www.example.com", "notexample.com", "example.com.evil.example",
                            "example.co", "xample.com", "com", "example"}) {
    EXPECT_FALSE(rules.DecideName(other, 443).allowed) << other;
  }
}

TEST(DecideNameTest, ASuffixIsForWhatIsBelowIt) {
  const NetworkRules rules = Rules(R"(allow { host: "*.example.com" })");
  for (const char* below : {"www.example.com", "a.b.c.example.com", "example.com.example.com"}) {
    EXPECT_TRUE(rules.DecideName(below, 443).allowed) << below;
  }
  for (const char* other : {"example.com", "notexample.com", "www.notexample.com", "com",
                            "www.example.com.evil.example", "www.example.org"}) {
    EXPECT_FALSE(rules.DecideName(other, 443).allowed) << other;
  }
}

TEST(DecideNameTest, AStarIsForEveryNameAndNoAddress) {
  const NetworkRules rules = Rules(R"(allow { host: "*" })");
  EXPECT_TRUE(rules.DecideName("example.com", 443).allowed);
  EXPECT_TRUE(rules.DecideName("localhost", 1).allowed);
  EXPECT_FALSE(rules.DecideDirect(At("8.8.8.8"), 443).allowed);
}

TEST(DecideNameTest, RulesForAddressesAllowNoName) {
  const NetworkRules rules = Rules(R"(allow { host: "0.0.0.0/0" } allow { host: "8.8.8.8" })");
  EXPECT_FALSE(rules.DecideName("example.com", 443).allowed);
  EXPECT_FALSE(rules.MayResolve("example.com"));
}

TEST(DecideNameTest, DenyWinsWhicheverIsNarrower) {
  EXPECT_FALSE(Rules(R"(allow { host: "a.example" } deny { host: "a.example" })")
                   .DecideName("a.example", 443)
                   .allowed);
  EXPECT_FALSE(Rules(R"(allow { host: "a.b.example" } deny { host: "*.example" })")
                   .DecideName("a.b.example", 443)
                   .allowed);
  EXPECT_FALSE(Rules(R"(allow { host: "a.example" } deny { host: "*" })")
                   .DecideName("a.example", 443)
                   .allowed);
  const NetworkRules rules = Rules(R"(allow { host: "*" } deny { host: "*.example" })");
  EXPECT_EQ(rules.DecideName("a.example", 443).reason,
            "a.example:443 is denied by the rule \"*.example\" of the sandbox's network policy");
  EXPECT_TRUE(rules.DecideName("example", 443).allowed);
}

TEST(DecideNameTest, RulesAreOfAnyCase) {
  const NetworkRules rules =
      Rules(R"(allow { host: "Example.COM." } deny { host: "*.Example.COM" })");
  EXPECT_TRUE(rules.DecideName("example.com", 443).allowed);
  EXPECT_FALSE(rules.DecideName("www.example.com", 443).allowed);
}

TEST(DecideNameTest, PortsCountForBothKindsOfRules) {
  const NetworkRules rules = Rules(R"(
      allow { host: "a.example" ports { first: 80 } ports { first: 8000 last: 8010 } }
      allow { host: "*.example" ports { first: 22 } }
      deny { host: "a.example" ports { first: 8005 last: 8006 } })");
  for (int port : {22, 80, 8000, 8004, 8007, 8010}) {
    EXPECT_TRUE(rules.DecideName("a.example", port).allowed) << port;
  }
  for (int port : {0, 1, 21, 23, 79, 81, 443, 7999, 8005, 8006, 8011, 65535}) {
    EXPECT_FALSE(rules.DecideName("a.example", port).allowed) << port;
  }
  EXPECT_EQ(rules.DecideName("a.example", 443).reason,
            "a.example:443 is denied: the sandbox's network policy allows it with other ports; add "
            "port 443 to an allow rule for \"a.example\"");
  EXPECT_EQ(rules.DecideName("a.example", 8005).reason,
            "a.example:8005 is denied by the rule \"a.example\" of the sandbox's network policy");
}

TEST(DecideNameTest, EveryPortIsOneToTheLast) {
  const NetworkRules rules = Rules(R"(allow { host: "a" })");
  EXPECT_TRUE(rules.DecideName("a", 1).allowed);
  EXPECT_TRUE(rules.DecideName("a", 65535).allowed);
  EXPECT_FALSE(rules.DecideName("a", 0).allowed);
}

TEST(DecideNameTest, RulesForTheSameHostAddUp) {
  const NetworkRules rules = Rules(R"(
      allow { host: "a" ports { first: 90 last: 100 } } allow { host: "a" ports { first: 10 last: 95 } }
      allow { host: "a" ports { first: 20 last: 30 } } allow { host: "a" ports { first: 101 } }
      allow { host: "a" ports { first: 5 } })");
  for (int port : {5, 10, 90, 95, 96, 100, 101})
    EXPECT_TRUE(rules.DecideName("a", port).allowed) << port;
  for (int port : {4, 6, 9, 102}) EXPECT_FALSE(rules.DecideName("a", port).allowed) << port;
}

TEST(DecideNameTest, WhatIsNotNormalizedIsDenied) {
  const NetworkRules rules = Rules(R"(allow { host: "*" } deny { host: "evil.example" })");
  for (const std::string& name :
       {std::string("EVIL.example"), std::string("evil.example."), std::string("127.0.0.1"),
        std::string("127.1"), std::string("::1"), std::string("a\nb"), std::string(""),
        std::string("evil.example\0", 13), std::string(300, 'a'), std::string("\xff")}) {
    const NetworkRules::Decision decision = rules.DecideName(name, 443);
    EXPECT_FALSE(decision.allowed) << name;
    EXPECT_THAT(decision.reason, HasSubstr("is denied: it is no host name"));
    EXPECT_LE(decision.reason.size(), 300u);
    EXPECT_EQ(decision.reason.find('\n'), std::string::npos);
    EXPECT_FALSE(rules.MayResolve(name));
  }
}

TEST(DecideNameTest, TheOperatorDeniesFirst) {
  const NetworkRules rules = Rules(R"(allow { host: "*" } deny { host: "a.corp.example" })",
                                   std::string(kEnabled) + R"(deny { host: "*.corp.example" })");
  EXPECT_EQ(rules.DecideName("a.corp.example", 443).reason,
            "a.corp.example:443 is denied by the rule \"*.corp.example\" of the operator's egress "
            "policy");
  EXPECT_TRUE(rules.DecideName("corp.example", 443).allowed);
}

TEST(DecideNameTest, WithoutAnEnabledEgressPolicyNothingIsAllowed) {
  const NetworkRules rules = Rules(R"(allow { host: "*" } allow { host: "0.0.0.0/0" })", "");
  EXPECT_EQ(rules.DecideName("a", 443).reason,
            "a:443 is denied: the operator's egress policy gives no sandbox a network");
  EXPECT_FALSE(rules.DecideAddress(At("8.8.8.8"), 443).allowed);
  EXPECT_FALSE(rules.DecideDirect(At("8.8.8.8"), 443).allowed);
  EXPECT_FALSE(rules.MayResolve("a"));
}

TEST(DecideNameTest, ReasonsStayShort) {
  const std::string label(63, 'a');
  const std::string name = absl::StrCat(label, ".", label, ".", label, ".", std::string(61, 'b'));
  const std::string suffix = name.substr(64);
  for (const std::string& policy :
       {std::string(), absl::StrCat("deny { host: \"", name, "\" }"),
        absl::StrCat("deny { host: \"*.", suffix, "\" }"),
        absl::StrCat("allow { host: \"", name, "\" ports { first: 1 } }")}) {
    const std::string reason = Rules(policy).DecideName(name, 65535).reason;
    EXPECT_LE(reason.size(), 300u) << reason;
    EXPECT_THAT(reason, HasSubstr("bbb"));
  }
}

TEST(MayResolveTest, AsksWhetherAnyPortIsLeft) {
  const NetworkRules rules = Rules(
      R"(
      allow { host: "a.example" ports { first: 80 } ports { first: 443 } }
      allow { host: "b.example" ports { first: 80 } ports { first: 443 } }
      allow { host: "c.example" } allow { host: "d.example" } allow { host: "e.example" }
      allow { host: "*.f.example" ports { first: 80 last: 90 } }
      deny { host: "a.example" ports { first: 80 } }
      deny { host: "b.example" ports { first: 1 last: 100 } }
      deny { host: "c.example" }
      deny { host: "d.example" ports { first: 1 last: 65534 } }
      deny { host: "e.example" ports { first: 1 last: 30000 } }
      deny { host: "f.f.example" ports { first: 80 last: 85 } })",
      std::string(kEnabled) + R"(
      deny { host: "b.example" ports { first: 101 last: 443 } }
      deny { host: "e.example" ports { first: 30001 last: 65535 } }
      deny { host: "*.f.example" ports { first: 87 last: 90 } })");
  EXPECT_TRUE(rules.MayResolve("a.example"));
  EXPECT_FALSE(rules.MayResolve("b.example"));
  EXPECT_FALSE(rules.MayResolve("c.example"));
  EXPECT_TRUE(rules.MayResolve("d.example"));
  EXPECT_FALSE(rules.MayResolve("e.example"));
  EXPECT_TRUE(rules.MayResolve("f.f.example"));
  EXPECT_TRUE(rules.DecideName("f.f.example", 86).allowed);
  EXPECT_FALSE(rules.MayResolve("f.example"));
  EXPECT_FALSE(rules.MayResolve("other.example"));
}

TEST(DecideAddressTest, SpecialAddressesAreDeniedWhateverThePolicySays) {
  const NetworkRules rules = Rules(
      R"(allow { host: "*" } allow { host: "0.0.0.0/0" } allow { host: "::/0" } allow { host: "10.0.0.7" })");
  EXPECT_EQ(rules.DecideAddress(At("10.0.0.7"), 443).reason,
            "10.0.0.7:443 is a private address (RFC 1918), which only the operator's egress policy "
            "can open");
  EXPECT_EQ(
      rules.DecideAddress(At("::1"), 443).reason,
      "[::1]:443 is a loopback address (RFC 4291), which only the operator's egress policy can "
      "open");
  EXPECT_EQ(
      rules.DecideAddress(At("::ffff:10.0.0.7"), 1).reason,
      "10.0.0.7:1 is a private address (RFC 1918), which only the operator's egress policy can "
      "open");
  for (const char* special : {"0.0.0.0", "127.0.0.1", "169.254.169.254", "198.18.0.1", "fd00::1",
                              "fe80::1", "64:ff9b::a00:7", "2002:a00:7::1", "::10.0.0.7"}) {
    EXPECT_FALSE(rules.DecideAddress(At(special), 443).allowed) << special;
    EXPECT_FALSE(rules.DecideDirect(At(special), 443).allowed) << special;
  }
}

TEST(DecideAddressTest, PublicOnesNeedNoRuleOfTheirOwn) {
  const NetworkRules rules = Rules("");
  EXPECT_TRUE(rules.DecideAddress(At("8.8.8.8"), 443).allowed);
  EXPECT_TRUE(rules.DecideAddress(At("2606:4700::1"), 443).allowed);
  EXPECT_TRUE(rules.DecideAddress(At("::ffff:8.8.8.8"), 443).allowed);
}

TEST(DecideAddressTest, ADenyRuleHoldsForTheAddressesOfNames) {
  const NetworkRules rules =
      Rules(R"(deny { host: "8.8.8.0/24" ports { first: 443 } } deny { host: "2606:4700::/32" })");
  EXPECT_EQ(rules.DecideAddress(At("8.8.8.8"), 443).reason,
            "8.8.8.8:443 is denied by the rule \"8.8.8.0/24\" of the sandbox's network policy");
  EXPECT_EQ(
      rules.DecideAddress(At("2606:4700::1"), 80).reason,
      "[2606:4700::1]:80 is denied by the rule \"2606:4700::/32\" of the sandbox's network policy");
  EXPECT_TRUE(rules.DecideAddress(At("8.8.8.8"), 80).allowed);
  EXPECT_TRUE(rules.DecideAddress(At("8.8.9.8"), 443).allowed);
}

TEST(DecideAddressTest, TheReasonNamesTheNarrowestRuleThatFits) {
  const NetworkRules rules = Rules(
      R"(deny { host: "8.0.0.0/8" } deny { host: "8.8.8.8" ports { first: 53 } } deny { host: "8.8.0.0/16" })");
  EXPECT_THAT(rules.DecideAddress(At("8.8.8.8"), 53).reason, HasSubstr("the rule \"8.8.8.8\""));
  EXPECT_THAT(rules.DecideAddress(At("8.8.8.8"), 443).reason, HasSubstr("the rule \"8.8.0.0/16\""));
}

// A translator would reach the address that is denied.
TEST(DecideAddressTest, ADenyRuleHoldsForWhatEmbedsTheAddress) {
  for (const char* policy : {R"(deny { host: "8.8.8.8" })", R"(deny { host: "0.0.0.0/0" })",
                             R"(deny { host: "::ffff:8.8.8.8" })"}) {
    const NetworkRules rules = Rules(policy);
    for (const char* way : {"8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"}) {
      EXPECT_FALSE(rules.DecideAddress(At(way), 443).allowed) << policy << " " << way;
    }
  }
}

TEST(DecideAddressTest, TheOperatorOpensAddressesAndPorts) {
  const NetworkRules rules =
      Rules("", std::string(kEnabled) + R"(open { host: "10.20.0.0/16" ports { first: 5432 } })");
  EXPECT_TRUE(rules.DecideAddress(At("10.20.0.7"), 5432).allowed);
  EXPECT_TRUE(rules.DecideAddress(At("::ffff:10.20.0.7"), 5432).allowed);
  EXPECT_FALSE(rules.DecideAddress(At("10.21.0.7"), 5432).allowed);
  EXPECT_EQ(
      rules.DecideAddress(At("10.20.0.7"), 22).reason,
      "10.20.0.7:22 is a private address (RFC 1918), which the operator's egress policy opens "
      "with other ports");
  // Another way to the same address is not opened with it.
  EXPECT_FALSE(rules.DecideAddress(At("64:ff9b::a14:7"), 5432).allowed);
}

TEST(DecideAddressTest, WhatIsOpenedCanBeDenied) {
  const std::string open = std::string(kEnabled) + R"(open { host: "10.20.0.0/16" } )";
  EXPECT_FALSE(
      Rules(R"(deny { host: "10.20.0.7" })", open).DecideAddress(At("10.20.0.7"), 1).allowed);
  const NetworkRules rules = Rules("", open + R"(deny { host: "10.20.0.7" })");
  EXPECT_EQ(rules.DecideAddress(At("10.20.0.7"), 1).reason,
            "10.20.0.7:1 is denied by the rule \"10.20.0.7\" of the operator's egress policy");
}

TEST(DecideDirectTest, AsksForAnAllowRule) {
  const NetworkRules rules = Rules(R"(
      allow { host: "8.8.8.0/24" ports { first: 53 } } allow { host: "2606:4700::1" } allow { host: "*" })");
  EXPECT_TRUE(rules.DecideDirect(At("8.8.8.8"), 53).allowed);
  EXPECT_TRUE(rules.DecideDirect(At("::ffff:8.8.8.8"), 53).allowed);
  EXPECT_TRUE(rules.DecideDirect(At("2606:4700::1"), 1).allowed);
  EXPECT_FALSE(rules.DecideDirect(At("2606:4700::2"), 1).allowed);
  // The address is allowed, a translator that leads to it is not.
  EXPECT_FALSE(rules.DecideDirect(At("64:ff9b::8.8.8.8"), 53).allowed);
  EXPECT_EQ(rules.DecideDirect(At("8.8.4.4"), 53).reason,
            "8.8.4.4:53 is denied: no rule of the sandbox's network policy allows it; add an allow "
            "rule for \"8.8.4.4\", or connect by name");
  EXPECT_EQ(
      rules.DecideDirect(At("8.8.8.8"), 443).reason,
      "8.8.8.8:443 is denied: the sandbox's network policy allows it with other ports; add port "
      "443 to an allow rule for \"8.8.8.8\", or connect by name");
}

TEST(DecideDirectTest, DenyWins) {
  const NetworkRules rules = Rules(R"(allow { host: "8.8.8.8" } deny { host: "8.0.0.0/8" })");
  EXPECT_FALSE(rules.DecideDirect(At("8.8.8.8"), 443).allowed);
}

TEST(DecideDirectTest, WhatIsOpenedMustBeAllowedToo) {
  const std::string open = std::string(kEnabled) + R"(open { host: "10.20.0.7" })";
  EXPECT_FALSE(Rules(R"(allow { host: "*" })", open).DecideDirect(At("10.20.0.7"), 1).allowed);
  EXPECT_TRUE(
      Rules(R"(allow { host: "10.0.0.0/8" })", open).DecideDirect(At("10.20.0.7"), 1).allowed);
  EXPECT_FALSE(
      Rules(R"(allow { host: "10.0.0.0/8" })", open).DecideDirect(At("10.20.0.8"), 1).allowed);
}

TEST(DecideDirectTest, AZoneIsNotPrinted) {
  auto address = At("fe80::1").to_v6();
  address.scope_id(1);
  EXPECT_THAT(Rules("").DecideDirect(address, 1).reason, HasSubstr("[fe80::1]:1 is a link-local"));
}

TEST(CompileTest, RefusesRulesThatCannotBeUnderstood) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(allow { host: "a" } allow { host: "127.1" })", "network.allow[1].host: \"127.1\" is not"},
      {R"(deny { host: "" })", "network.deny[0].host: the host is empty"},
      {R"(deny { host: "a" ports { } })", "network.deny[0].ports[0].first is 0"},
      {R"(deny { host: "a" ports { first: 70000 } })", "network.deny[0].ports[0].first is 70000"},
  };
  for (const auto& [policy, message] : cases) {
    const absl::Status status =
        NetworkRules::Compile(FromText<v1::NetworkPolicy>(policy), {}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << policy;
    EXPECT_THAT(MessageOf(status), HasSubstr(message));
  }
  const absl::Status status =
      NetworkRules::Compile({}, FromText<config::EgressPolicy>(R"(open { host: "0x7f.1" })"))
          .status();
  EXPECT_THAT(MessageOf(status), HasSubstr("egress.open[0].host: \"0x7f.1\" is not"));
}

// As large as a policy may be: what a client sends must not hold up the relay.
TEST(CompileTest, TakesTheLargestPolicy) {
  v1::NetworkPolicy policy;
  for (uint32_t i = 0; i < 256; ++i) {
    v1::NetworkRule* rule = i % 2 == 0 ? policy.add_allow() : policy.add_deny();
    rule->set_host("a.example");
    for (uint32_t j = 0; j < 64; ++j) rule->add_ports()->set_first(1 + (j * 256 + i) * 2);
  }
  auto rules = NetworkRules::Compile(policy, FromText<config::EgressPolicy>(kEnabled));
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_TRUE(rules->DecideName("a.example", 1).allowed);
  EXPECT_FALSE(rules->DecideName("a.example", 3).allowed);
  EXPECT_FALSE(rules->DecideName("a.example", 2).allowed);
  EXPECT_TRUE(rules->MayResolve("a.example"));
}

}  // namespace
}  // namespace warren::testing
