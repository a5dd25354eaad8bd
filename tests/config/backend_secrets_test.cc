// What a file names and does not have: where a complaint about it stands, and that nothing of it is
// told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/config/config_testing.h"
#include "tests/config/tls_testing.h"

namespace warren {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class BackendSecretsTest : public ConfigDirectory {
 protected:
  // Line 2 is `rest`.
  static std::string Remote(const std::string& rest) {
    return absl::StrCat("backends { name: \"far\" remote { address: \"h:1\"\n", rest, "\n} }");
  }
  // Line 2 is the key.
  static std::string Cloud(const std::string& key, const std::string& rest = "") {
    return absl::StrCat(
        "backends { name: \"cloud\" e2b { templates { template_id: \"b\" cloud_template: \"b\" }\n",
        key, "\n", rest, "\n} }");
  }
  static std::vector<std::string> ProblemsWithFiles(const std::string& text) {
    return ProblemsOf(text, SecretFiles::kRead);
  }
  static BackendSecrets SecretsOf(const std::string& text, const std::string& backend) {
    auto checked = CheckConfigurationText(text, SecretFiles::kRead);
    EXPECT_THAT(checked.problems, IsEmpty());
    return checked.loaded.secrets.at(backend);
  }
  std::string Named(const std::string& field, const std::string& path) const {
    return absl::StrCat(field, ": \"", path, "\" ");
  }

  const TestKey key_;
};

TEST_F(BackendSecretsTest, AreReadWhereTheFileNamesThem) {
  const std::string tls = absl::StrCat("tls { ", Named("ca_file", Write("ca", key_.Valid())),
                                       Named("certificate_file", Write("cert", key_.Valid())),
                                       Named("key_file", Write("tls", key_.Pem())), " }");
  const std::string key = absl::StrCat("key { ", Named("file", Write("key", "e2b_00\n")), "}");
  for (const std::string& text : {Remote(key + tls), Cloud(key, tls)}) {
    auto checked = CheckConfigurationText(text, SecretFiles::kRead);
    ASSERT_THAT(checked.problems, IsEmpty());
    const BackendSecrets& secrets = checked.loaded.secrets.begin()->second;
    EXPECT_EQ(secrets.key, "e2b_00");
    EXPECT_THAT(secrets.tls_authorities, StartsWith("-----BEGIN CERTIFICATE"));
    EXPECT_THAT(secrets.tls_certificate, StartsWith("-----BEGIN CERTIFICATE"));
    EXPECT_EQ(secrets.tls_key, key_.Pem());
  }
}

TEST_F(BackendSecretsTest, OfABackendWithoutAnyAreEmpty) {
  const BackendSecrets secrets = SecretsOf("backends { name: \"here\" local {} }", "here");
  EXPECT_EQ(secrets.key + secrets.tls_authorities + secrets.tls_certificate + secrets.tls_key, "");
}

TEST_F(BackendSecretsTest, AKeyThatCannotBeReadIsToldWhereItIsNamed) {
  const std::string key = "key { " + Named("file", PathOf("none")) + "}";
  const std::string missing =
      "2:7: there is no file " + PathOf("none") + "; make it, or correct the path";
  EXPECT_THAT(ProblemsWithFiles(Remote(key)), ElementsAre(missing));
  EXPECT_THAT(ProblemsWithFiles(Cloud(key)), ElementsAre(missing));
  EXPECT_THAT(
      ProblemsWithFiles(Remote("key {  environment: \"WARREN_CONFIG_TEST_NONE\" }")),
      ElementsAre(StartsWith("2:8: the environment variable WARREN_CONFIG_TEST_NONE is not set")));
}

TEST_F(BackendSecretsTest, AKeyOfTheCloudHasItsForm) {
  const std::string path = Write("key", "sk_secret");
  EXPECT_THAT(ProblemsWithFiles(Cloud("key { " + Named("file", path) + "}")),
              ElementsAre("2:7: what is in " + path +
                          " is no key of E2B's; put an API key there, e2b_ and hexadecimal "
                          "digits, and no access token"));
  EXPECT_THAT(ProblemsWithFiles(Remote("key { " + Named("file", path) + "}")), IsEmpty());
}

TEST_F(BackendSecretsTest, FilesOfTlsAreToldWhereTheyAreNamed) {
  const TestKey other;
  const std::string text = absl::Substitute(
      "tls { ca_file: \"$0\"\ncertificate_file: \"$1\"\nkey_file: \"$2\" }", Write("ca", "none"),
      Write("cert", key_.Expired()), Write("tls", other.Pem("word")));
  EXPECT_THAT(ProblemsWithFiles(Remote(text)),
              ElementsAre(AllOf(StartsWith("2:7: "), HasSubstr("has no certificate")),
                          AllOf(StartsWith("3:1: "), HasSubstr("expired on")),
                          AllOf(StartsWith("4:1: "), HasSubstr("has a password"))));
  Write("ca", key_.Valid());
  Write("cert", key_.Valid());
  Write("tls", other.Pem());
  EXPECT_THAT(ProblemsWithFiles(Remote(text)),
              ElementsAre("4:1: the key is not that of the certificate; name files that belong "
                          "together, the certificate's own block first"));
}

TEST_F(BackendSecretsTest, WhatTheFileHasWrongIsNotLookedFor) {
  EXPECT_THAT(ProblemsWithFiles(Remote("key { file: \"relative\" } tls { ca_file: \"relative\" }")),
              ElementsAre(HasSubstr("not the absolute path"), HasSubstr("not the absolute path")));
  EXPECT_THAT(ProblemsWithFiles(Cloud("")), ElementsAre(HasSubstr("the cloud has no key")));
}

TEST_F(BackendSecretsTest, AreLeftWhereTheyAreNotWanted) {
  const std::string text = Remote("key { " + Named("file", Write("key", "e2b_00")) + "} tls { " +
                                  Named("ca_file", PathOf("none")) + "}");
  auto checked = CheckConfigurationText(text, SecretFiles::kLeave);
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_EQ(checked.loaded.secrets.at("far").key, "");
}

TEST_F(BackendSecretsTest, NothingOfThemIsTold) {
  for (const char* content : {"top secret", "secret", "e2b_secret"}) {
    for (const std::string& problem :
         ProblemsWithFiles(Cloud("key { " + Named("file", Write("key", content)) + "}")))
      EXPECT_THAT(problem, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace warren
