#include "supervisor/config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/config/config_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ConfigFileTest : public ConfigDirectory {
 protected:
  static std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }
};

TEST_F(ConfigFileTest, AllProblemsAreToldInTheOrderOfTheFile) {
  EXPECT_THAT(
      ProblemsOf(R"(routes { to { backend: "clod" percent: 7 } }
backends {
  name: "cloud"
  remote { channels: 99 key {} }
  circuit { retry_ms: 1 failures: 101 }
}
backends { name: "Here" local {} }
backends { name: "other" }
default_backend: "nowhere"
)"),
      ElementsAre(StartsWith("1:15: no backend is named \"clod\""),
                  StartsWith("1:31: the shares come to 7"),
                  StartsWith("4:3: the backend has no address"), StartsWith("4:12: channels is 99"),
                  StartsWith("4:25: the secret has no source"), StartsWith("5:13: retry_ms is 1"),
                  StartsWith("5:25: failures is 101"), StartsWith("7:12: \"Here\" cannot be"),
                  StartsWith("8:1: the backend has no kind"),
                  StartsWith("9:1: no backend is named \"nowhere\"")));
}

TEST_F(ConfigFileTest, WhatIsLeftOutHasItsDefault) {
  const auto checked = CheckConfigurationText(R"(
backends { name: "a" e2b { key { file: "/k" } templates { template_id: "x" cloud_template: "y" }
                           budget { sandbox_minutes: 5 file: "/b" } } }
backends { name: "b" remote { address: "h:1" } }
backends { name: "c" failover { backends: "a" backends: "b" } }
routes { to { backend: "a" } }
default_backend: "c")",
                                              SecretFiles::kLeave);
  ASSERT_THAT(checked.problems, IsEmpty());
  const config::Configuration& configuration = checked.loaded.configuration;
  const config::E2bBackend& e2b = configuration.backends(0).e2b();
  EXPECT_EQ(e2b.domain(), "e2b.app");
  EXPECT_EQ(e2b.default_template(), "x");
  EXPECT_EQ(e2b.package_policy(), "default");
  EXPECT_EQ(e2b.call_connections(), 10);
  EXPECT_EQ(e2b.cell_connections(), 100);
  EXPECT_EQ(e2b.stream_connections(), 1000);
  EXPECT_EQ(e2b.budget().warn_percent(), 80);
  EXPECT_EQ(configuration.backends(1).remote().channels(), 2);
  for (int i : {0, 1}) {
    const config::Circuit& circuit = configuration.backends(i).circuit();
    EXPECT_EQ(circuit.failures(), 3);
    EXPECT_EQ(circuit.retry_ms(), 2000);
    EXPECT_EQ(circuit.probe_ms(), 5000);
    EXPECT_EQ(circuit.probe_timeout_ms(), 500);
  }
  EXPECT_FALSE(configuration.backends(2).has_circuit());
  EXPECT_EQ(configuration.routes(0).to(0).percent(), 100);
  EXPECT_EQ(configuration.default_backend(), "c");
}

TEST_F(ConfigFileTest, WhatIsWrittenStays) {
  const auto checked = CheckConfigurationText(R"(
backends { name: "a" e2b { key { file: "/k" } templates { template_id: "x" cloud_template: "y" }
                           templates { template_id: "z" cloud_template: "z" } default_template: "z" domain: "e2b.dev"
                           package_policy: "none" call_connections: 1 budget { sandbox_minutes: 5 file: "/b" warn_percent: 1 } }
           circuit { failures: 7 } })",
                                              SecretFiles::kLeave);
  ASSERT_THAT(checked.problems, IsEmpty());
  const config::Backend& backend = checked.loaded.configuration.backends(0);
  EXPECT_EQ(backend.e2b().domain(), "e2b.dev");
  EXPECT_EQ(backend.e2b().default_template(), "z");
  EXPECT_EQ(backend.e2b().package_policy(), "none");
  EXPECT_EQ(backend.e2b().call_connections(), 1);
  EXPECT_EQ(backend.e2b().budget().warn_percent(), 1);
  EXPECT_EQ(backend.circuit().failures(), 7);
  EXPECT_EQ(backend.circuit().probe_ms(), 5000);
}

TEST_F(ConfigFileTest, TheOnlyBackendIsTheDefault) {
  EXPECT_EQ(CheckConfigurationText("backends { name: \"a\" local {} }", SecretFiles::kLeave)
                .loaded.configuration.default_backend(),
            "a");
}

TEST_F(ConfigFileTest, LoadsWithSecrets) {
  const std::string key = Write("key", "e2b_00\n");
  const std::string file = Write(
      "backends", absl::StrCat("backends { name: \"far\" remote { address: \"h:1\" key { file: \"",
                               key, "\" } } }"));
  const auto loaded = LoadConfiguration(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->secrets.at("far").key, "e2b_00");
  EXPECT_EQ(loaded->configuration.backends(0).remote().channels(), 2);
}

TEST_F(ConfigFileTest, AFileWithProblemsIsNotLoaded) {
  const std::string file =
      Write("backends",
            "backends { name: \"A\" local {} }\nbackends { name: \"b\" }\ndefault_backend: \"b\"");
  const auto loaded = LoadConfiguration(file);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(MessageOf(loaded.status()), '\n')),
              ElementsAre(StartsWith(file + ":1:12: \"A\" cannot be"),
                          StartsWith(file + ":2:1: the backend has no kind")));
}

TEST_F(ConfigFileTest, OfManyProblemsAStatusHasTheFirst) {
  std::string text = "default_backend: \"a\" backends { name: \"a\" local {} }\n";
  for (int i = 0; i < 20; ++i) absl::StrAppend(&text, "routes {}\n");
  const std::string message = MessageOf(LoadConfiguration(Write("backends", text)).status());
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(message, '\n')), SizeIs(17));
  EXPECT_THAT(message, EndsWith("\nand 4 more; `warren config check` lists them"));
}

TEST_F(ConfigFileTest, SaysWhyAFileCannotBeRead) {
  EXPECT_THAT(MessageOf(LoadConfiguration(PathOf("none")).status()), HasSubstr(PathOf("none")));
  EXPECT_FALSE(LoadConfiguration(PathOf("")).ok());
  const std::string long_file = Write("long", std::string((1 << 20) + 1, '\n'));
  EXPECT_THAT(MessageOf(LoadConfiguration(long_file).status()),
              HasSubstr("larger than 1048576 bytes"));
}

TEST_F(ConfigFileTest, TheExampleIsFine) {
  const auto checked =
      CheckConfigurationFile("docs/examples/backends/cloud-first.textproto", SecretFiles::kLeave);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_THAT(checked->problems, IsEmpty());
  EXPECT_EQ(checked->loaded.configuration.backends_size(), 3);
  EXPECT_EQ(checked->loaded.configuration.backends(0).e2b().budget().sandbox_minutes(), 500);
}

}  // namespace
}  // namespace warren
