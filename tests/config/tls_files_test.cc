#include "supervisor/config/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "tests/config/config_testing.h"
#include "tests/config/tls_testing.h"

namespace warren {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class TlsFilesTest : public ConfigDirectory {
 protected:
  absl::StatusOr<std::string> Authorities(const std::string& text) const {
    return ReadTlsAuthorities(Write("ca.pem", text, 0644), absl::Now());
  }
  absl::StatusOr<std::string> Certificate(const std::string& text) const {
    return ReadTlsCertificate(Write("cert.pem", text, 0644), absl::Now());
  }
  absl::StatusOr<std::string> Key(const std::string& text) const {
    return ReadTlsKey(Write("key.pem", text));
  }
  static std::string MessageOf(const absl::StatusOr<std::string>& read) {
    return std::string(read.status().message());
  }
  // Its frame is as it was, and what is in it is not.
  static std::string Spoilt(const std::string& certificate) {
    return absl::StrReplaceAll(certificate, {{"MII", "XII"}, {"MIG", "XIG"}});
  }

  const TestKey key_;
};

TEST_F(TlsFilesTest, TextsAreReadAsTheyAre) {
  const std::string bundle = "# ours\n" + key_.Valid() + "\n" + TestKey().Valid();
  EXPECT_EQ(Authorities(bundle).value(), bundle);
  EXPECT_EQ(Certificate(bundle).value(), bundle);
  EXPECT_EQ(Key(key_.Pem()).value(), key_.Pem());
}

TEST_F(TlsFilesTest, WhatHasNoCertificateIsRefused) {
  const std::string valid = key_.Valid();
  for (const std::string& text : {std::string(), std::string("hello"), key_.Pem(), Spoilt(valid),
                                  valid.substr(0, 200), valid + Spoilt(valid)}) {
    EXPECT_THAT(MessageOf(Authorities(text)),
                HasSubstr(PathOf("ca.pem") + " has no certificate, or one that"))
        << text;
    EXPECT_THAT(MessageOf(Certificate(text)),
                HasSubstr(PathOf("cert.pem") + " has no certificate, or one that"))
        << text;
  }
}

TEST_F(TlsFilesTest, SaysWhenACertificateHasExpired) {
  EXPECT_THAT(MessageOf(Certificate(key_.Expired())),
              ContainsRegex("cert.pem expired on 20[0-9][0-9]-[0-9][0-9]-[0-9][0-9] "
                            "[0-9][0-9]:[0-9][0-9] UTC; renew"));
  // One behind it too.
  EXPECT_THAT(MessageOf(Certificate(key_.Valid() + key_.Expired())), HasSubstr("expired on"));
  EXPECT_THAT(MessageOf(Certificate(key_.Certificate(TestKey::kHour, 2 * TestKey::kHour))),
              HasSubstr("is not valid before"));
}

// A system's bundle has some that have.
TEST_F(TlsFilesTest, OfAuthoritiesOneMustBeValid) {
  EXPECT_TRUE(Authorities(key_.Expired() + key_.Valid()).ok());
  EXPECT_THAT(MessageOf(Authorities(key_.Expired() + key_.Expired())),
              HasSubstr("no authority in " + PathOf("ca.pem")));
}

TEST_F(TlsFilesTest, AKeyIsOneWithoutAPassword) {
  EXPECT_THAT(MessageOf(Key(key_.Pem("word"))), HasSubstr(PathOf("key.pem") + " has a password"));
  for (const std::string& text :
       {std::string(), std::string("secret"), key_.Valid(), Spoilt(key_.Pem())}) {
    EXPECT_THAT(MessageOf(Key(text)), HasSubstr(PathOf("key.pem") + " has no private key"));
    EXPECT_THAT(MessageOf(Key(text)), Not(HasSubstr("secret")));
  }
}

TEST_F(TlsFilesTest, AKeyIsNotForEverybody) {
  EXPECT_THAT(MessageOf(ReadTlsKey(Write("key.pem", key_.Pem(), 0644))),
              HasSubstr("; chmod 640 " + PathOf("key.pem")));
}

TEST_F(TlsFilesTest, WhatIsTooLongIsNotRead) {
  // Signatures differ in length.
  const std::string valid = key_.Valid();
  const std::string filler((1 << 20) + 1 - valid.size(), '#');
  EXPECT_THAT(MessageOf(Certificate(valid + filler)), HasSubstr("longer than a megabyte"));
  EXPECT_TRUE(Certificate(valid + filler.substr(1)).ok());
}

TEST_F(TlsFilesTest, SaysWhichFileIsMissing) {
  EXPECT_THAT(MessageOf(ReadTlsAuthorities(PathOf("none"), absl::Now())),
              HasSubstr("there is no file " + PathOf("none")));
  EXPECT_THAT(MessageOf(ReadTlsCertificate(PathOf(""), absl::Now())), HasSubstr("is a directory"));
}

TEST_F(TlsFilesTest, AKeyFitsItsCertificate) {
  const TestKey other;
  EXPECT_TRUE(CheckTlsPair(key_.Valid(), key_.Pem()).ok());
  EXPECT_TRUE(CheckTlsPair(key_.Valid() + other.Valid(), key_.Pem()).ok());
  EXPECT_THAT(std::string(CheckTlsPair(key_.Valid(), other.Pem()).message()),
              HasSubstr("the key is not that of the certificate"));
  // Behind it are those of authorities.
  EXPECT_FALSE(CheckTlsPair(other.Valid() + key_.Valid(), key_.Pem()).ok());
}

}  // namespace
}  // namespace warren
