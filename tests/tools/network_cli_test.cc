// The options and commands about a sandbox's network, in front of a fake backend.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "supervisor/fake/fake_backend.h"
#include "tests/supervisor/door.h"
#include "tests/supervisor/sink.h"
#include "tests/support/patience.h"
#include "tools/warren/command_line.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/network_text.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

template <class Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

TEST(NetworkRule, IsAHostAndItsPorts) {
  const std::vector<std::pair<std::string, std::string>> rules = {
      {"pip.test", "host: 'pip.test'"},
      {"pip.test:443", "host: 'pip.test' ports { first: 443 }"},
      {"*.example.com", "host: '*.example.com'"},
      {"*:80,443", "host: '*' ports { first: 80 } ports { first: 443 }"},
      {"203.0.113.0/24:80,443,8000-8010",
       "host: '203.0.113.0/24' ports { first: 80 } ports { first: 443 }"
       " ports { first: 8000 last: 8010 }"},
      {"2001:db8::/32", "host: '2001:db8::/32'"},
      {"::ffff:203.0.113.7", "host: '::ffff:203.0.113.7'"},
      {"[2001:db8::1]:443", "host: '2001:db8::1' ports { first: 443 }"}};
  for (const auto& [text, expected] : rules) {
    absl::StatusOr<v1::NetworkRule> rule = ParseNetworkRule(text);
    ASSERT_TRUE(rule.ok()) << rule.status();
    EXPECT_EQ(rule->SerializeAsString(), FromText<v1::NetworkRule>(expected).SerializeAsString())
        << text;
    EXPECT_EQ(FormatNetworkRule(*rule), text) << "and back";
  }
  EXPECT_EQ(ParseNetworkRule("[2001:db8::1]")->host(), "2001:db8::1");
}

TEST(NetworkRule, SaysWhatIsWrongWithIt) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "no host"},
      {":443", "no host"},
      {"pip.test:", "\"\" is no port"},
      {"pip.test:https", "\"https\" is no port"},
      {"pip.test:0", "\"0\" is no port"},
      {"pip.test:65536", "\"65536\" is no port"},
      {"pip.test:443,", "\"\" is no port"},
      {"pip.test:90-80", "\"90-80\" is no port"},
      {"pip.test:80-", "\"80-\" is no port"},
      {"pip.test:80:90", "several colons"},
      {"[2001:db8::1:443", "bracket is not closed"},
      {"[2001:db8::1]443", "only ports may follow"},
      {"\x1b[2J:1:2", "\\x1b"}};
  for (const auto& [text, why] : wrong) {
    absl::Status status = ParseNetworkRule(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("HOST[:PORTS]"));
  }
}

TEST(NetworkPolicy, IsSaidInOneLine) {
  EXPECT_EQ(SummarizeNetwork({}), "none");
  EXPECT_EQ(SummarizeNetwork(FromText<v1::NetworkPolicy>(R"pb(
              preset: "internet"
              allow {
                host: "pip.test"
                ports { first: 443 }
              }
              allow { host: "*" }
              allow { host: "0.0.0.0/0" }
              deny { host: "*.example.com" }
            )pb")),
            "internet; allow pip.test:443 and 2 more; deny *.example.com");
  EXPECT_EQ(SummarizeNetwork(FromText<v1::NetworkPolicy>("preset: '\\033[2J\\n'")), "\\x1b[2J\\n");
}

TEST(NetworkEvent, IsALineThatATerminalCanTake) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  auto allowed = FromText<v1::NetworkEvent>(R"pb(
    at { seconds: 1714979289 nanos: 123456789 }
    verdict: ALLOWED
    name: "pip.test"
    address: "203.0.113.7"
    port: 443
    bytes_sent: 517
    bytes_received: 2048
  )pb");
  EXPECT_THAT(NetworkEventLine(allowed),
              HasSubstr("  allowed  pip.test:443  203.0.113.7  517 B sent, 2.0 KiB received"));
  auto denied = FromText<v1::NetworkEvent>(
      R"pb(
        verdict: DENIED name: "evil\033]0;x\007" port: 80 reason: "no rule\nallows it" lost: 7
      )pb");
  const std::string line = NetworkEventLine(denied);
  EXPECT_THAT(line, HasSubstr("  denied  evil\\x1b]0;x\\x07:80  -  0 B sent, 0 B received  "
                              "no rule\\nallows it  (7 before it are lost)"));
  for (char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  v1::NetworkEvent direct;
  direct.set_verdict(v1::NetworkEvent::FAILED);
  direct.set_address("2001:db8::1");
  direct.set_port(22);
  EXPECT_THAT(NetworkEventLine(direct), HasSubstr("failed  [2001:db8::1]:22  2001:db8::1"));
  v1::NetworkEvent lost;
  lost.set_verdict(v1::NetworkEvent::NETWORK_LOST);
  EXPECT_THAT(NetworkEventLine(lost), HasSubstr("network lost  -  -"));
}

class NetworkCommands : public ::testing::Test {
 protected:
  // What a line prints, and what it says on standard error.
  struct Printed {
    int exit_code;
    std::string out;
    std::string err;
  };
  Printed Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--address", door_.target()});
    CommandLine line;
    CaptureStdout();
    CaptureStderr();
    const int exit_code = line.Run(std::move(arguments));
    return {exit_code, GetCapturedStdout(), GetCapturedStderr()};
  }
  std::string Create(std::vector<std::string> options = {}) {
    options.insert(options.begin(), "create");
    Printed made = Run(options);
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return made.out.substr(0, made.out.find('\n'));
  }
  void Destroy(const std::string& id) {
    auto sandbox = Ask<std::shared_ptr<SandboxHandle>>(
        [&](auto reply) { fake_.Open({}, id, std::move(reply)); });
    EXPECT_TRUE(Ask<v1::DestroySandboxResponse>([&](auto reply) {
                  (*sandbox)->Destroy({}, std::move(reply));
                }).ok());
  }
  // What `network watch` prints of these events, until the sandbox ends.
  Printed Watch(const std::vector<std::string>& options,
                const std::vector<v1::NetworkEvent>& events) {
    const std::string id = Create();
    std::thread teller([&] {
      EXPECT_TRUE(Eventually([&] { return fake_.network_watchers() == 1; }));
      for (const auto& event : events) EXPECT_TRUE(fake_.TellNetwork(id, event).ok());
      Destroy(id);
    });
    std::vector<std::string> arguments = {"network", "watch", id};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Printed printed = Run(arguments);
    teller.join();
    return printed;
  }

  FakeBackend fake_;
  Door door_{fake_};
};

TEST_F(NetworkCommands, ASandboxIsMadeWithAPolicyThatCanBeShown) {
  const std::string id = Create({"--network", "internet", "--allow", "pip.test:443,8000-8010",
                                 "--deny", "*.example.com", "--bandwidth", "64K"});
  Printed shown = Run({"network", "show", id});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out,
            "preset       internet\n"
            "bandwidth    64.0 KiB a second each way\n"
            "connections  no bound of its own\n"
            "\n"
            "RULE   HOST           PORTS\n"
            "deny   *.example.com  all\n"
            "allow  pip.test       443, 8000-8010\n");
  auto json = nlohmann::json::parse(Run({"network", "show", id, "--json"}).out);
  EXPECT_EQ(json["preset"], "internet");
  EXPECT_EQ(json["allow"][0]["ports"][1]["last"], 8010);
  EXPECT_EQ(json["bytes_per_second"], "65536");
  EXPECT_THAT(Run({"environment", id}).out,
              HasSubstr("internet; allow pip.test:443,8000-8010; deny *.example.com"));
}

TEST_F(NetworkCommands, WithoutOptionsNothingIsAllowed) {
  EXPECT_THAT(Run({"network", "show", Create()}).out,
              testing::AllOf(HasSubstr("preset       none\n"), HasSubstr("Nothing is allowed.")));
}

TEST_F(NetworkCommands, APolicyIsReplaced) {
  const std::string id = Create({"--network", "internet", "--allow", "pip.test"});
  Printed set = Run({"network", "set", id, "--allow", "[2001:db8::1]:443", "--connections", "3"});
  EXPECT_EQ(set.exit_code, 0) << set.err;
  EXPECT_EQ(set.out, id + "\n");
  EXPECT_THAT(
      Run({"network", "show", id}).out,
      testing::AllOf(HasSubstr("preset       none\n"), HasSubstr("at most 3\n"),
                     HasSubstr("allow  2001:db8::1  443\n"), testing::Not(HasSubstr("pip.test"))));
  EXPECT_EQ(nlohmann::json::parse(
                Run({"network", "set", id, "--network", "none", "--json"}).out)["sandbox_id"],
            id);
  Printed refused = Run({"network", "set", id, "--bandwidth", "3"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_THAT(refused.err, HasSubstr("network.bytes_per_second"));
  refused = Run({"network", "set", "sbnone", "--network", "none"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_THAT(refused.err, HasSubstr("no such sandbox"));
}

TEST_F(NetworkCommands, AWatchPrintsALineForEachEventUntilTheSandboxEnds) {
  v1::NetworkEvent denied;
  denied.set_verdict(v1::NetworkEvent::DENIED);
  denied.set_name("example.org");
  denied.set_port(80);
  denied.set_reason("no rule allows it\x1b[2J");
  v1::NetworkEvent lost;
  lost.set_verdict(v1::NetworkEvent::NETWORK_LOST);
  Printed printed = Watch({}, {denied, lost});
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  EXPECT_THAT(absl::StrSplit(printed.out, '\n'),
              ElementsAre(HasSubstr("denied  example.org:80  -  0 B sent, 0 B received  no rule "
                                    "allows it\\x1b[2J"),
                          HasSubstr("network lost"), ""));
  printed = Watch({"--json"}, {denied});
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  auto json = nlohmann::json::parse(printed.out);
  EXPECT_EQ(json["verdict"], "denied");
  EXPECT_EQ(json["name"], "example.org");
  EXPECT_EQ(json["port"], 80);
  EXPECT_EQ(json["reason"], "no rule allows it\x1b[2J");
  EXPECT_EQ(json["lost"], 0);
}

TEST_F(NetworkCommands, WhatIsNotThereIsNotWatched) {
  Printed refused = Run({"network", "watch", "sbnone"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_THAT(refused.err, HasSubstr("watch the network"));
}

}  // namespace
}  // namespace warren
