#include "supervisor/config/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/config/config_testing.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kVariable[] = "WARREN_CONFIG_TEST_KEY";

class SecretsTest : public ConfigDirectory {
 protected:
  void TearDown() override {
    ::unsetenv(kVariable);
    ConfigDirectory::TearDown();
  }
  static absl::StatusOr<std::string> ReadFrom(const std::string& path) {
    config::Secret secret;
    secret.set_file(path);
    return ReadSecret(secret);
  }
  static absl::StatusOr<std::string> ReadVariable() {
    config::Secret secret;
    secret.set_environment(kVariable);
    return ReadSecret(secret);
  }
  absl::StatusOr<std::string> ReadContent(const std::string& content) const {
    return ReadFrom(Write("key", content));
  }
  static std::string MessageOf(const absl::StatusOr<std::string>& read) {
    return std::string(read.status().message());
  }
};

TEST_F(SecretsTest, TheFirstLineOfAFileIsTheSecret) {
  for (const char* content :
       {"e2b_1", "e2b_1\n", "e2b_1\r\n", "e2b_1\nsecond line \x01\n", "e2b_1\r\n\r\n"})
    EXPECT_EQ(ReadContent(content).value(), "e2b_1") << content;
}

TEST_F(SecretsTest, AVariableIsTheSecret) {
  EXPECT_THAT(MessageOf(ReadVariable()),
              HasSubstr("the environment variable WARREN_CONFIG_TEST_KEY is not set; set it"));
  ::setenv(kVariable, "e2b_1\n", 1);
  EXPECT_EQ(ReadVariable().value(), "e2b_1");
  ::setenv(kVariable, "", 1);
  EXPECT_THAT(MessageOf(ReadVariable()), HasSubstr("there is nothing in $WARREN_CONFIG_TEST_KEY"));
  ::setenv(kVariable, "e2b_1\ne2b_2", 1);
  EXPECT_THAT(MessageOf(ReadVariable()), HasSubstr("characters that no key has"));
}

TEST_F(SecretsTest, WhatIsNoKeyIsRefusedAndNotRepeated) {
  for (const char* content :
       {"secret word", " secret", "secret ", "sec\tret", "sec\x01ret", "sec\x7fret",
        "s\xc3\xa9"
        "cret",
        "sec\rret\n"}) {
    const auto read = ReadContent(content);
    EXPECT_THAT(MessageOf(read), HasSubstr("characters that no key has")) << content;
    EXPECT_THAT(MessageOf(read), HasSubstr(PathOf("key")));
    EXPECT_THAT(MessageOf(read), Not(HasSubstr("sec")));
    EXPECT_THAT(MessageOf(read), Not(HasSubstr("cret")));
  }
  EXPECT_FALSE(ReadContent(std::string("sec\0ret", 7)).ok());
}

TEST_F(SecretsTest, AnEmptyFileHasNone) {
  for (const char* content : {"", "\n", "\r\n", "\nsecond\n"})
    EXPECT_THAT(MessageOf(ReadContent(content)), HasSubstr("there is nothing in " + PathOf("key")))
        << content;
}

TEST_F(SecretsTest, ASecretHasAtMostFourKilobytes) {
  const std::string longest(4096, 'k');
  EXPECT_EQ(ReadContent(longest).value(), longest);
  EXPECT_EQ(ReadContent(longest + "\r\nmore").value(), longest);
  for (const std::string& content : {longest + "k", longest + "k\n", std::string(1 << 20, 'k')})
    EXPECT_THAT(MessageOf(ReadContent(content)), HasSubstr("longer than 4096 bytes"));
}

TEST_F(SecretsTest, OthersMustNotBeAbleToReadIt) {
  for (mode_t mode : {0644, 0642, 0641, 0604, 0777}) {
    const std::string path = Write("key", "e2b_secret", mode);
    const auto read = ReadFrom(path);
    EXPECT_THAT(MessageOf(read), HasSubstr("; chmod 640 " + path)) << mode;
    EXPECT_THAT(MessageOf(read), Not(HasSubstr("secret")));
  }
  for (mode_t mode : {0600, 0640, 0660, 0400})
    EXPECT_TRUE(ReadFrom(Write("key", "e2b_1", mode)).ok()) << mode;
}

// Secrets are mounted as links in some places; what they lead to counts.
TEST_F(SecretsTest, ALinkIsFollowed) {
  std::filesystem::create_symlink(Write("key", "e2b_1"), PathOf("link"));
  EXPECT_EQ(ReadFrom(PathOf("link")).value(), "e2b_1");
  ASSERT_EQ(::chmod(PathOf("key").c_str(), 0644), 0);
  EXPECT_FALSE(ReadFrom(PathOf("link")).ok());
}

TEST_F(SecretsTest, SaysWhyThereIsNoFile) {
  EXPECT_THAT(MessageOf(ReadFrom(PathOf("none"))), HasSubstr("there is no file " + PathOf("none")));
  EXPECT_THAT(MessageOf(ReadFrom(Write("key", "k") + "/below")), HasSubstr("there is no file"));
  std::filesystem::create_directory(PathOf("directory"));
  EXPECT_THAT(MessageOf(ReadFrom(PathOf("directory"))), HasSubstr("is a directory"));
  EXPECT_THAT(MessageOf(ReadFrom("/dev/null")), HasSubstr("/dev/null is no regular file"));
  // Nobody is at the other end: waiting for somebody would be forever.
  ASSERT_EQ(::mkfifo(PathOf("pipe").c_str(), 0600), 0);
  EXPECT_THAT(MessageOf(ReadFrom(PathOf("pipe"))), HasSubstr("is no regular file"));
}

TEST_F(SecretsTest, ASecretWithoutASourceIsNotLookedFor) {
  EXPECT_THAT(MessageOf(ReadSecret({})), HasSubstr("the secret has no source"));
  EXPECT_THAT(MessageOf(ReadFrom("relative")), HasSubstr("not the absolute path"));
}

TEST(E2bKeyTest, HasItsForm) {
  EXPECT_TRUE(IsE2bKey("e2b_0123456789abcdef"));
  for (const char* key : {"", "e2b_", "e2b_xyz", "e2b_ABC", "sk_e2b_00", "E2B_00", "e2b-00", "00"})
    EXPECT_FALSE(IsE2bKey(key)) << key;
}

}  // namespace
}  // namespace warren
