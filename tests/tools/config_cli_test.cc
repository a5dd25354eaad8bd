// `warren config check`, on files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "tools/warren/command_line.h"
#include "tools/warren/exit_code.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

constexpr char kExample[] = "docs/examples/backends/cloud-first.textproto";

struct ConfigRun {
  int exit_code;
  std::string out;
  std::string error;
};

class ConfigCliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path =
        (std::filesystem::temp_directory_path() / "warren-config-cli-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& content) const {
    const std::string path = directory_ / name;
    std::ofstream(path) << content;
    EXPECT_EQ(::chmod(path.c_str(), 0640), 0);
    return path;
  }
  static ConfigRun Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"config", "check"});
    CommandLine line;
    CaptureStdout();
    CaptureStderr();
    ConfigRun ran;
    ran.exit_code = line.Run(std::move(arguments));
    ran.error = GetCapturedStderr();
    ran.out = GetCapturedStdout();
    return ran;
  }
  static std::vector<nlohmann::json> JsonLines(const std::string& text) {
    std::vector<nlohmann::json> lines;
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty()))
      lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  std::filesystem::path directory_;
};

TEST_F(ConfigCliTest, AFineFileIsToldAsATable) {
  const ConfigRun ran = Run({"--no-secrets", kExample});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.error, "");
  EXPECT_EQ(ran.out, absl::StrCat(kExample, ": 3 backends, 2 routes: fine\n",
                                  "NAME         KIND      WHERE\n"
                                  "cloud        e2b       e2b.app\n"
                                  "here         local     this machine\n"
                                  "cloud-first  failover  cloud, here\n"));
}

TEST_F(ConfigCliTest, SecretsAreLookedForAndNotTold) {
  const std::string key = Write("key", "e2b_0123\n");
  const std::string file = Write(
      "file",
      absl::StrCat(R"(backends {
  name: "cloud"
  e2b { key { file: ")",
                   key,
                   R"(" } api_url: "https://h" templates { template_id: "b" cloud_template: "b" } }
})"));
  const ConfigRun fine = Run({file});
  EXPECT_EQ(fine.exit_code, 0);
  EXPECT_THAT(fine.out, HasSubstr(file + ": 1 backend, 0 routes: fine\n"));
  EXPECT_THAT(fine.out, HasSubstr("https://h\n"));
  EXPECT_THAT(fine.out, Not(HasSubstr("e2b_0123")));
  ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
  const ConfigRun open = Run({file});
  EXPECT_EQ(open.exit_code, kExitWarren);
  EXPECT_EQ(open.out, "");
  EXPECT_EQ(open.error, absl::StrCat(file, ":3:15: every user of this machine can get at ", key,
                                     "; chmod 640 ", key, "\n"));
  EXPECT_EQ(Run({file, "--no-secrets"}).exit_code, 0);
}

TEST_F(ConfigCliTest, EveryProblemIsALine) {
  const std::string file = Write(
      "file",
      "backends { name: \"cloud\" local {} }\nroutes { to { backend: \"clod\" } }\nroutes {}\n");
  const ConfigRun ran = Run({file});
  EXPECT_EQ(ran.exit_code, kExitWarren);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.error,
            absl::StrCat(file, ":2:15: no backend is named \"clod\"; do you mean \"cloud\"?\n",
                         file, ":3:1: the route leads nowhere; write to { backend: ... }\n"));
}

TEST_F(ConfigCliTest, JsonHasAnObjectForEachOfThem) {
  const auto backends = JsonLines(Run({"--json", "--no-secrets", kExample}).out);
  ASSERT_EQ(backends.size(), 3u);
  EXPECT_EQ(
      backends[2],
      nlohmann::json({{"name", "cloud-first"}, {"kind", "failover"}, {"where", "cloud, here"}}));
  const std::string file = Write("file", "backends { name: \"a\" local {} } routes {}");
  const ConfigRun wrong = Run({"--json", file});
  EXPECT_EQ(wrong.exit_code, kExitWarren);
  EXPECT_EQ(wrong.error, "");
  const auto problems = JsonLines(wrong.out);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0], nlohmann::json({{"file", file},
                                         {"line", 1},
                                         {"column", 33},
                                         {"what", "the route leads nowhere"},
                                         {"remedy", "write to { backend: ... }"}}));
}

TEST_F(ConfigCliTest, OtherKindsSayWhereTheyAre) {
  const std::string file =
      Write("file", "backends { name: \"far\" remote { address: \"[::1]:8470\" } }");
  EXPECT_THAT(Run({file}).out, HasSubstr("far   remote  [::1]:8470\n"));
}

TEST_F(ConfigCliTest, AFileThatCannotBeReadIsWarrensFailure) {
  const ConfigRun missing = Run({directory_ / "none"});
  EXPECT_EQ(missing.exit_code, kExitWarren);
  EXPECT_THAT(missing.error, HasSubstr("No such file"));
  EXPECT_EQ(Run({}).exit_code, kExitWarren);
}

// A terminal obeys escape sequences, of names too.
TEST_F(ConfigCliTest, NothingThatATerminalObeysIsPrinted) {
  const std::string file = Write("a\x1b[2J", "backends { name: \"\\033[2J\" local {} }");
  const ConfigRun ran = Run({file});
  EXPECT_THAT(ran.error, Not(HasSubstr("\x1b")));
  EXPECT_THAT(ran.error, HasSubstr("\\x1b[2J"));
}

}  // namespace
}  // namespace warren
