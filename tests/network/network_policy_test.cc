#include "runtime/network/network_policy.h"

#include <gmock/gmock.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/network/network_testing.h"

namespace warren::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

v1::NetworkPolicy Policy(const std::string& text) { return FromText<v1::NetworkPolicy>(text); }

absl::Status Validate(const std::string& text) {
  return ValidateNetworkPolicy(Policy(text), "network");
}

std::string ManyRules(absl::string_view list, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, list, " { host: \"h", i, ".example\" } ");
  return text;
}

NetworkPresets Presets(const std::string& web_policy) {
  NetworkPresets presets;
  presets["none"].set_name("none");
  presets["web"].set_name("web");
  *presets["web"].mutable_policy() = Policy(web_policy);
  return presets;
}

TEST(ValidateNetworkPolicyTest, TakesWhatTheContractPromises) {
  for (const std::string& text : {
           std::string(""),
           std::string(R"(preset: "internet")"),
           std::string(R"(allow { host: "pip.test" })"),
           std::string(R"(allow { host: "Pip.TEST." ports { first: 443 } })"),
           std::string(R"(allow { host: "*.example.com" ports { first: 1 last: 65535 } })"),
           std::string(R"(allow { host: "*" } deny { host: "203.0.113.0/24" })"),
           std::string(R"(allow { host: "203.0.113.7" } allow { host: "2001:db8::/32" })"),
           std::string(R"(allow { host: "0.0.0.0/0" ports { first: 80 last: 80 } })"),
           std::string("bytes_per_second: 1024 max_connections: 2500"),
           ManyRules("allow", 200) + ManyRules("deny", 56),
       }) {
    EXPECT_TRUE(Validate(text).ok()) << text << Validate(text);
  }
}

TEST(ValidateNetworkPolicyTest, NamesTheFieldTheValueAndWhatIsTaken) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(allow { host: "a" } allow { host: "b" } allow { host: "exa mple.com" })",
       R"(network.allow[2].host: "exa mple.com" is not a host name: a label may have letters, digits, "-" and "_" alone; it must be a name, "*.name", "*", an address or a network such as "203.0.113.0/24")"},
      {R"(deny { })", "network.deny[0].host: the host is empty; it must be a name"},
      {R"(deny { host: "a" ports { first: 80 } ports { } })",
       "network.deny[0].ports[1].first is 0; it must be 1 to 65535"},
      {R"(allow { host: "a" ports { first: 65536 } })",
       "network.allow[0].ports[0].first is 65536; it must be 1 to 65535"},
      {R"(allow { host: "a" ports { first: 80 last: 79 } })",
       "network.allow[0].ports[0].last is 79; it must be 0 or 80 to 65535"},
      {R"(allow { host: "a" ports { first: 80 last: 65536 } })",
       "network.allow[0].ports[0].last is 65536; it must be 0 or 80 to 65535"},
      {"bytes_per_second: 1023", "network.bytes_per_second is 1023; it must be 0 or at least 1024"},
      {"bytes_per_second: -1", "network.bytes_per_second is -1; it must be 0 or at least 1024"},
      {"max_connections: 2501", "network.max_connections is 2501; it must be 0 to 2500"},
      {"max_connections: -1", "network.max_connections is -1; it must be 0 to 2500"},
      {R"(preset: "../egress/default")", R"(network.preset is "../egress/default"; it must be)"},
      {R"(preset: "Internet")", R"(network.preset is "Internet"; it must be)"},
      {R"(preset: "-a")", R"(network.preset is "-a"; it must be)"},
      {R"(preset: "a\000")", R"(network.preset is "a\x00"; it must be)"},
      {"preset: \"" + std::string(64, 'a') + "\"", "it must be empty or 1 to 63 of"},
      {ManyRules("allow", 200) + ManyRules("deny", 57), "network has 257 rules in allow and deny"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = Validate(text);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(MessageOf(status), HasSubstr(message));
  }
}

TEST(ValidateNetworkPolicyTest, RefusesHostsThatAreNone) {
  for (const char* host : {"*.",
                           "**",
                           "*.*",
                           "*.*.com",
                           "a.*.com",
                           "foo*.com",
                           "*foo.com",
                           "*.1",
                           "*.127.0.0.1",
                           "127.1",
                           "0x7f.1",
                           "2130706433",
                           "[::1]",
                           "fe80::1%eth0",
                           "203.0.113.1/24",
                           "10.0.0.0/33",
                           "203.0.113.7:443",
                           "example.com:443",
                           "http://example.com",
                           "example.com/24",
                           "münchen.de",
                           "a..b",
                           " ",
                           "*. example.com",
                           "!example.com",
                           ".example.com"}) {
    v1::NetworkPolicy policy;
    policy.add_allow()->set_host(host);
    const absl::Status status = ValidateNetworkPolicy(policy, "network");
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << host;
    EXPECT_THAT(MessageOf(status), HasSubstr("network.allow[0].host: "));
    EXPECT_THAT(MessageOf(status), HasSubstr("it must be a name, \"*.name\", \"*\""));
  }
}

TEST(ValidateNetworkPolicyTest, BoundsTheRangesOfARule) {
  v1::NetworkPolicy policy;
  v1::NetworkRule* rule = policy.add_allow();
  rule->set_host("a");
  for (uint32_t i = 0; i < 64; ++i) rule->add_ports()->set_first(2 * i + 1);
  EXPECT_TRUE(ValidateNetworkPolicy(policy, "network").ok());
  rule->add_ports()->set_first(1000);
  EXPECT_EQ(ValidateNetworkPolicy(policy, "network").message(),
            "network.allow[0].ports has 65 ranges; it may have at most 64");
}

TEST(ValidateNetworkPolicyTest, AHostileHostComesBackEscapedAndCut) {
  v1::NetworkPolicy policy;
  policy.add_allow()->set_host("\r\n\x1b[2J\x7f" + std::string(100000, '\x01'));
  const std::string message = MessageOf(ValidateNetworkPolicy(policy, "network"));
  EXPECT_LT(message.size(), 600u);
  EXPECT_THAT(message, Each(AllOf(Ge(' '), Le('~'))));
}

TEST(ResolveNetworkPolicyTest, PutsThePresetsRulesBehindItsOwn) {
  auto resolved = ResolveNetworkPolicy(
      Policy(
          R"(preset: "web" allow { host: "Own.Example." ports { first: 22 } } deny { host: "x" })"),
      Presets(R"(allow { host: "*" } deny { host: "::FFFF:8.8.8.0/120" } bytes_per_second: 5000)"));
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  const v1::NetworkPolicy expected = Policy(R"(
      preset: "web"
      allow { host: "own.example" ports { first: 22 } } allow { host: "*" }
      deny { host: "x" } deny { host: "8.8.8.0/24" }
      bytes_per_second: 5000 max_connections: 2500)");
  EXPECT_EQ(resolved->DebugString(), expected.DebugString());
}

TEST(ResolveNetworkPolicyTest, TakesThePresetsBoundsWhereItHasNone) {
  const NetworkPresets presets = Presets("bytes_per_second: 5000 max_connections: 10");
  auto resolved = ResolveNetworkPolicy(Policy(R"(preset: "web")"), presets);
  EXPECT_EQ(resolved->bytes_per_second(), 5000);
  EXPECT_EQ(resolved->max_connections(), 10);
  resolved = ResolveNetworkPolicy(
      Policy(R"(preset: "web" bytes_per_second: 9000 max_connections: 20)"), presets);
  EXPECT_EQ(resolved->bytes_per_second(), 9000);
  EXPECT_EQ(resolved->max_connections(), 20);
}

TEST(ResolveNetworkPolicyTest, NoneIsThePresetOfWhoNamesNone) {
  for (const NetworkPresets& presets : {NetworkPresets(), Presets("")}) {
    auto resolved = ResolveNetworkPolicy({}, presets);
    ASSERT_TRUE(resolved.ok()) << resolved.status();
    EXPECT_EQ(resolved->preset(), "none");
    EXPECT_THAT(resolved->allow(), IsEmpty());
    EXPECT_EQ(resolved->bytes_per_second(), 0);
    EXPECT_EQ(resolved->max_connections(), kMaxConnections);
  }
}

TEST(ResolveNetworkPolicyTest, ListsThePresetsThatThereAre) {
  const absl::Status status =
      ResolveNetworkPolicy(Policy(R"(preset: "intranet")"), Presets("")).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(),
            R"(network.preset: there is no preset "intranet"; this server has: none, web)");
}

TEST(ResolveNetworkPolicyTest, CountsThePresetsRulesToo) {
  auto own = [](int rules) { return Policy("preset: \"web\" " + ManyRules("allow", rules)); };
  const NetworkPresets presets = Presets(ManyRules("deny", 100));
  EXPECT_TRUE(ResolveNetworkPolicy(own(156), presets).ok());
  const absl::Status status = ResolveNetworkPolicy(own(157), presets).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(MessageOf(status),
              HasSubstr("network has 257 rules together with those of its preset \"web\""));
}

TEST(DeniesEverythingTest, AsksForARuleThatAllows) {
  EXPECT_TRUE(DeniesEverything({}));
  EXPECT_TRUE(DeniesEverything(Policy(R"(deny { host: "*" })")));
  EXPECT_FALSE(DeniesEverything(Policy(R"(allow { host: "example.com" })")));
}

TEST(PortsOfTest, AreThoseThatAreNamed) {
  EXPECT_THAT(
      PortsOf(Policy(R"(allow { host: "a" ports { first: 443 } ports { first: 22 last: 22 } }
                                allow { host: "b" ports { first: 443 } })")),
      ElementsAre(22, 443));
}

TEST(PortsOfTest, AreTheWebsWhereARuleIsWide) {
  EXPECT_THAT(PortsOf(Policy(R"(allow { host: "a" })")), ElementsAre(80, 443));
  EXPECT_THAT(PortsOf(Policy(
                  R"(allow { host: "a" ports { first: 8000 last: 8100 } ports { first: 22 } })")),
              ElementsAre(22, 80, 443));
  EXPECT_THAT(PortsOf(Policy(R"(allow { host: "a" ports { first: 9 } } allow { host: "b" })")),
              ElementsAre(9, 80, 443));
}

TEST(PortsOfTest, AreNeverNone) {
  EXPECT_THAT(PortsOf({}), ElementsAre(80, 443));
  EXPECT_THAT(PortsOf(Policy(R"(deny { host: "a" ports { first: 1 } })")), ElementsAre(80, 443));
}

TEST(PortsOfTest, AreAtMost64AndTheWebsAmongThem) {
  v1::NetworkPolicy policy;
  for (uint32_t i = 0; i < 100; ++i) {
    v1::NetworkRule* rule = policy.add_allow();
    rule->set_host("a");
    rule->add_ports()->set_first(1000 + i);
  }
  EXPECT_THAT(PortsOf(policy), SizeIs(64));
  policy.add_allow()->set_host("b");
  const std::vector<uint16_t> ports = PortsOf(policy);
  EXPECT_THAT(ports, SizeIs(64));
  EXPECT_EQ(ports[0], 80);
  EXPECT_EQ(ports[1], 443);
  EXPECT_EQ(ports[63], 1061);
}

}  // namespace
}  // namespace warren::testing
