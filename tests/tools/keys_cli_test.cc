// `warren keys`, on a file; and the key that every command sends, to a fake backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "supervisor/fake/fake_backend.h"
#include "supervisor/keys/key.h"
#include "supervisor/keys/key_store.h"
#include "tests/supervisor/door.h"
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

struct Ran {
  int exit_code;
  std::string out;
  std::string error;
};

class KeysCliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "warren-keys-cli-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    file_ = path + "/below/keys.db";
    ::unsetenv("WARREN_API_KEY");
    ::setenv("WARREN_KEYS", file_.c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"WARREN_API_KEY", "WARREN_KEYS", "WARREN_ADDRESS"}) ::unsetenv(name);
    std::filesystem::remove_all(directory_);
  }
  static Ran Run(std::vector<std::string> arguments) {
    CommandLine line;
    CaptureStdout();
    CaptureStderr();
    Ran ran;
    ran.exit_code = line.Run(std::move(arguments));
    ran.error = GetCapturedStderr();
    ran.out = GetCapturedStdout();
    return ran;
  }
  // Without the line's end.
  static std::string MakeKey(const std::string& tenant) {
    std::string key = Run({"keys", "create", "--tenant", tenant}).out;
    if (!key.empty()) key.pop_back();
    return key;
  }
  static std::vector<nlohmann::json> JsonLines(const std::string& text) {
    std::vector<nlohmann::json> lines;
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty()))
      lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  std::filesystem::path directory_;
  std::string file_;
};

TEST_F(KeysCliTest, AKeyIsPrintedOnceAndItsFileMadeForNobodyElse) {
  const std::string key = MakeKey("acme");
  EXPECT_TRUE(IsKey(key)) << key;
  KeyStore store(file_);
  EXPECT_EQ(store.Authenticate(key)->tenant, "acme");
  struct stat info;
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
  const Ran listed = Run({"keys", "list"});
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_THAT(listed.out, HasSubstr(std::string(IdOf(key))));
  EXPECT_THAT(listed.out, Not(HasSubstr(key)));
  EXPECT_THAT(listed.out, Not(HasSubstr("REVOKED")));
}

TEST_F(KeysCliTest, JsonHasTheKeyInTheOneAnswerAlone) {
  const Ran made = Run({"keys", "create", "--tenant", "acme", "--label", "the ü run", "--json"});
  const auto created = JsonLines(made.out);
  ASSERT_EQ(created.size(), 1u);
  const std::string key = created[0].at("key");
  EXPECT_TRUE(IsKey(key));
  EXPECT_EQ(created[0].at("id"), std::string(IdOf(key)));
  EXPECT_EQ(created[0].at("tenant"), "acme");
  EXPECT_EQ(created[0].at("label"), "the ü run");
  auto listed = JsonLines(Run({"keys", "list", "--json"}).out);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].count("key"), 0u);
  EXPECT_EQ(listed[0].count("revoked_at"), 0u);
  const auto revoked = JsonLines(Run({"keys", "revoke", std::string(IdOf(key)), "--json"}).out);
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(revoked[0].count("revoked_at"), 1u);
}

TEST_F(KeysCliTest, ARevokedKeyIsWorthNothingAndListedAsSuch) {
  const std::string key = MakeKey("acme");
  const std::string id(IdOf(key));
  const Ran revoked = Run({"keys", "revoke", id});
  EXPECT_EQ(revoked.exit_code, 0);
  EXPECT_EQ(revoked.out, id + "\n");
  EXPECT_FALSE(KeyStore(file_).Authenticate(key).ok());
  EXPECT_THAT(Run({"keys", "list"}).out, HasSubstr("REVOKED"));
}

TEST_F(KeysCliTest, SaysWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"keys", "list"}, "No such file"},
      {{"keys", "create", "--tenant", "Acme"}, "is no tenant"},
      {{"keys", "create", "--tenant", "acme", "--label", "a\nb"}, "control characters"},
      {{"keys", "revoke", "00000000"}, "there is no key"},
      {{"keys", "revoke", "e2b_00000000"}, "by its id"},
      {{"keys", "create", "--tenant", "acme", "--file", "/dev/null"}, "no regular file"},
      {{"keys", "create"}, "--tenant"},
      {{"keys"}, "subcommand"}};
  for (const auto& [arguments, why] : wrong) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, kExitWarren) << why;
    EXPECT_THAT(ran.error, HasSubstr(why));
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(KeysCliTest, EveryCommandSendsTheKeyThatItIsGiven) {
  FakeBackend fake;
  const std::string acme = MakeKey("acme");
  const std::string zeta = MakeKey("zeta");
  Door door(fake, Door::Socket::kTcp, file_);
  ::setenv("WARREN_ADDRESS", door.target().c_str(), 1);
  const Ran refused = Run({"create"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_THAT(refused.error, HasSubstr("WARREN_API_KEY"));
  ::setenv("WARREN_API_KEY", acme.c_str(), 1);
  std::string id = Run({"create"}).out;
  ASSERT_FALSE(id.empty());
  id.pop_back();
  EXPECT_THAT(Run({"ps"}).out, HasSubstr(id));
  EXPECT_EQ(Run({"ps", "--ids", "--api-key", zeta}).out, "");
  const Ran kill = Run({"kill", id, "--api-key", zeta});
  EXPECT_EQ(kill.exit_code, kExitWarren);
  EXPECT_THAT(kill.error, HasSubstr("no such sandbox"));
  EXPECT_EQ(Run({"exec", "--sandbox", id, "-c", "print hello"}).exit_code, 0);
  EXPECT_EQ(Run({"kill", id}).exit_code, 0);
  EXPECT_EQ(fake.sandboxes(), 0u);
}

// gRPC would take the process down.
TEST_F(KeysCliTest, AKeyThatCannotBeSentIsRefusedAndNotRepeated) {
  for (const char* key : {"e2b_secret\n", "e2b_secret key", "e2b_secret\xff"}) {
    ::setenv("WARREN_API_KEY", key, 1);
    const Ran ran = Run({"ps"});
    EXPECT_EQ(ran.exit_code, kExitWarren);
    EXPECT_THAT(ran.error, HasSubstr("--api-key"));
    EXPECT_THAT(ran.error, Not(HasSubstr("secret")));
  }
}

// It would be in the help, in completions, in the log of a shell.
TEST_F(KeysCliTest, TheHelpDoesNotShowTheKeyOfTheEnvironment) {
  ::setenv("WARREN_API_KEY", "e2b_secret", 1);
  EXPECT_THAT(Run({"ps", "--help"}).out, Not(HasSubstr("e2b_secret")));
}

}  // namespace
}  // namespace warren
