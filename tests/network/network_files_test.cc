// The files that Warren comes with, and what is refused of an operator's.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "runtime/network/address.h"
#include "runtime/network/network_policy.h"
#include "runtime/network/network_rules.h"
#include "tests/network/network_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

NetworkRules Shipped(const std::string& preset) {
  auto presets = LoadNetworkPresets("policies/network");
  EXPECT_TRUE(presets.ok()) << presets.status();
  auto egress = LoadEgressPolicy("policies/egress/default.textproto");
  EXPECT_TRUE(egress.ok()) << egress.status();
  v1::NetworkPolicy policy;
  policy.set_preset(preset);
  return NetworkRules::Compile(ResolveNetworkPolicy(policy, *presets).value(), *egress).value();
}

TEST(ShippedPoliciesTest, AllLoad) {
  auto presets = LoadNetworkPresets("policies/network");
  ASSERT_TRUE(presets.ok()) << presets.status();
  EXPECT_EQ(presets->size(), 3u);
  EXPECT_TRUE(presets->contains("none") && presets->contains("internet") &&
              presets->contains("index"));
  for (const auto& entry : fs::directory_iterator("policies/egress")) {
    auto egress = LoadEgressPolicy(entry.path());
    ASSERT_TRUE(egress.ok()) << egress.status();
    EXPECT_EQ(egress->name(), entry.path().stem());
  }
}

TEST(ShippedPoliciesTest, TheDefaultEnablesAndOpensNothing) {
  auto egress = LoadEgressPolicy("policies/egress/default.textproto");
  ASSERT_TRUE(egress.ok()) << egress.status();
  EXPECT_TRUE(egress->enabled());
  EXPECT_EQ(egress->open_size() + egress->deny_size() + egress->names_size(), 0);
}

// The examples in its comments are what an operator copies.
TEST(ShippedPoliciesTest, TheExamplesOfTheDefaultLoadToo) {
  std::ifstream file("policies/egress/default.textproto");
  std::string text;
  int examples = 0;
  for (std::string line; std::getline(file, line);) {
    const bool example = line.starts_with("# ") && line.find(": \"") != std::string::npos;
    examples += example ? 1 : 0;
    absl::StrAppend(&text, example ? line.substr(2) : line, "\n");
  }
  EXPECT_EQ(examples, 7);
  const std::string path = ::testing::TempDir() + "/warren-egress-examples.textproto";
  std::ofstream(path) << text;
  auto egress = LoadEgressPolicy(path);
  EXPECT_TRUE(egress.ok()) << egress.status();
  fs::remove(path);
}

TEST(ShippedPoliciesTest, NoneAllowsNothing) {
  const NetworkRules none = Shipped("none");
  EXPECT_FALSE(none.DecideName("example.com", 443).allowed);
  EXPECT_FALSE(none.MayResolve("example.com"));
  EXPECT_FALSE(none.DecideDirect(*ParseAddress("8.8.8.8"), 443).allowed);
}

TEST(ShippedPoliciesTest, InternetIsAllThatIsPublicButMail) {
  const NetworkRules index = Shipped("index");
  EXPECT_TRUE(index.DecideName("index.warren.internal", 80).allowed);
  EXPECT_FALSE(index.DecideName("index.warren.internal", 443).allowed);
  EXPECT_FALSE(index.DecideName("example.com", 80).allowed);
  EXPECT_FALSE(index.DecideDirect(*ParseAddress("8.8.8.8"), 80).allowed);
  const NetworkRules internet = Shipped("internet");
  for (int port : {1, 22, 24, 26, 80, 443, 587, 65535}) {
    EXPECT_TRUE(internet.DecideName("example.com", port).allowed) << port;
    EXPECT_TRUE(internet.DecideDirect(*ParseAddress("8.8.8.8"), port).allowed) << port;
    EXPECT_TRUE(internet.DecideDirect(*ParseAddress("2606:4700::1"), port).allowed) << port;
  }
  EXPECT_FALSE(internet.DecideName("example.com", 25).allowed);
  EXPECT_FALSE(internet.DecideDirect(*ParseAddress("8.8.8.8"), 25).allowed);
  EXPECT_FALSE(internet.DecideDirect(*ParseAddress("2606:4700::1"), 25).allowed);
  for (const char* special : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1",
                              "::ffff:10.0.0.1", "64:ff9b::7f00:1", "198.18.0.1"}) {
    EXPECT_FALSE(internet.DecideAddress(*ParseAddress(special), 443).allowed) << special;
    EXPECT_FALSE(internet.DecideDirect(*ParseAddress(special), 443).allowed) << special;
  }
}

class NetworkFilesTest : public ::testing::Test {
 protected:
  NetworkFilesTest() {
    std::string pattern = ::testing::TempDir() + "/warren-network-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~NetworkFilesTest() override { fs::remove_all(directory_); }
  std::string Write(const std::string& name, const std::string& text) {
    std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  absl::Status LoadEgress(const std::string& text) {
    return LoadEgressPolicy(Write("mine.textproto", text)).status();
  }

  std::string directory_;
};

TEST_F(NetworkFilesTest, APresetIsNamedAsItsFile) {
  Write("python.textproto", R"(name: "python" policy { allow { host: "Packages.Example" } })");
  Write("README.md", "not a preset");
  auto presets = LoadNetworkPresets(directory_);
  ASSERT_TRUE(presets.ok()) << presets.status();
  EXPECT_EQ(presets->size(), 1u);
  EXPECT_EQ(presets->at("python").policy().allow(0).host(), "Packages.Example");

  Write("other.textproto", R"(name: "python")");
  const absl::Status status = LoadNetworkPresets(directory_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(MessageOf(status),
              HasSubstr("other.textproto: name is \"python\"; it must be that of the file"));
}

TEST_F(NetworkFilesTest, RefusesPresetsThatAreWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(name: "a" policy { preset: "internet" })", "policy.preset: a preset has none of its own"},
      {R"(name: "a" policy { allow { host: "127.1" } })", "policy.allow[0].host: \"127.1\""},
      {R"(name: "a" policy { max_connections: 9999 })", "policy.max_connections is 9999"},
      {R"(name: "a" nonsense: 1)", "a.textproto:1:"},
      {R"(description: "nameless")", "name is \"\""},
  };
  for (const auto& [text, message] : cases) {
    Write("a.textproto", text);
    const absl::Status status = LoadNetworkPresets(directory_).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(MessageOf(status), HasSubstr(message));
    EXPECT_THAT(MessageOf(status), HasSubstr("a.textproto"));
  }
  fs::remove(directory_ + "/a.textproto");
  Write("A_B.textproto", R"(name: "A_B")");
  EXPECT_TRUE(absl::IsInvalidArgument(LoadNetworkPresets(directory_).status()));
}

TEST_F(NetworkFilesTest, NamesWhatIsMissing) {
  const absl::Status status = LoadNetworkPresets("/nonexistent/network").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(MessageOf(status), HasSubstr("/nonexistent/network"));
  EXPECT_TRUE(absl::IsNotFound(LoadEgressPolicy("/nonexistent/egress").status()));
}

TEST(EgressPolicyFileTest, IsOfThePrefixOrOfAPath) {
  const std::string shipped = "/usr/local/share/warren/policies/egress/";
  EXPECT_EQ(EgressPolicyFile("/usr/local", "default"), shipped + "default.textproto");
  EXPECT_EQ(EgressPolicyFile("/usr/local", ".."), shipped + "...textproto");
  for (const char* path : {"/etc/warren/egress.textproto", "./mine", "policies/mine.textproto"}) {
    EXPECT_EQ(EgressPolicyFile("/usr/local", path), path);
  }
}

// An operator's own, of which nothing but its text says its name.
TEST_F(NetworkFilesTest, AnEgressPolicyMayLieInAnyFile) {
  auto egress = LoadEgressPolicy(Write("egress.conf", R"(name: "of our site" enabled: true)"));
  ASSERT_TRUE(egress.ok()) << egress.status();
  EXPECT_EQ(egress->name(), "of our site");
}

TEST_F(NetworkFilesTest, TakesAWholeEgressPolicy) {
  EXPECT_EQ(LoadEgress(R"(
      name: "mine" enabled: true
      deny { host: "*.corp.example" } deny { host: "8.8.0.0/16" ports { first: 25 } } deny { host: "*" }
      open { host: "10.20.0.0/16" ports { first: 5432 } } open { host: "fd00::7" } open { host: "127.0.0.0/8" }
      open { host: "fc00::/7" } open { host: "::ffff:10.0.0.0/104" }
      names { name: "DB.corp.example" addresses: "10.20.0.7" addresses: "fd00::7" }
      resolvers: "8.8.8.8" resolvers: "8.8.8.8:5353" resolvers: "2001:db8::53" resolvers: "[2001:db8::53]:53")"),
            absl::OkStatus());
}

TEST_F(NetworkFilesTest, RefusesEgressPoliciesThatAreWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "it has no name"},
      {R"(name: "m" deny { host: "a b" })", "deny[0].host: \"a b\" is not a host name"},
      {R"(name: "m" deny { host: "a" ports { } })", "deny[0].ports[0].first is 0"},
      {R"(name: "m" open { host: "db.example" })",
       "open[0].host is \"db.example\"; it must be an address or a network"},
      {R"(name: "m" open { host: "*" })", "open[0].host is \"*\"; it must be an address"},
      {R"(name: "m" open { host: "10.0.0.0/8" } open { host: "0.0.0.0/0" })",
       "open[1].host is \"0.0.0.0/0\"; a network that is opened must be at most /8 wide"},
      {R"(name: "m" open { host: "::/0" })", "must be at most /7 wide"},
      {R"(name: "m" open { host: "::ffff:0:0/96" })", "must be at most /8 wide"},
      {R"(name: "m" names { name: "127.1" addresses: "8.8.8.8" })", "names[0]: \"127.1\" is not"},
      {R"(name: "m" names { name: "a" })", "names[0]: \"a\" has no addresses"},
      {R"(name: "m" names { name: "a" addresses: "b" })", "names[0]: \"b\" is not an IP address"},
      {R"(name: "m" names { name: "a" addresses: "8.8.8.8" } names { name: "A." addresses: "8.8.8.8" })",
       "names[1]: \"a\" is there twice"},
      {R"(name: "m" nonsense: 1)", "mine.textproto:1:"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = LoadEgress(text);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text << status;
    EXPECT_THAT(MessageOf(status), HasSubstr(message));
    EXPECT_THAT(MessageOf(status), HasSubstr("mine.textproto"));
  }
}

TEST_F(NetworkFilesTest, RefusesResolversThatAreNoAddress) {
  for (const char* resolver :
       {"", "dns.example", "8.8.8.8:", "8.8.8.8:0", "8.8.8.8:65536", "8.8.8.8:+53", "8.8.8.8: 53",
        "[8.8.8.8]:53", "[::1]", "2001:db8::53%eth0", "[fe80::1%eth0]:53", "8.8.8.8:53:53",
        "8.8.8.8,1.1.1.1", "127.1"}) {
    EXPECT_THAT(MessageOf(LoadEgress(absl::StrCat("name: \"m\" resolvers: \"", resolver, "\""))),
                HasSubstr("resolvers[0] is"))
        << resolver;
  }
}

}  // namespace
}  // namespace warren::testing
