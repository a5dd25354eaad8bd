#include "runtime/network/host_name.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/network/network_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

std::string Repeat(absl::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) absl::StrAppend(&result, text);
  return result;
}

// 63 + 1 + 63 + 1 + 63 + 1 + 61.
std::string LongestName() {
  return absl::StrCat(Repeat(std::string(63, 'a') + ".", 3), std::string(61, 'b'));
}

TEST(NormalizeHostNameTest, LowersCaseAndDropsTheLastDot) {
  const std::pair<std::string, std::string> cases[] = {
      {"example.com", "example.com"},
      {"Example.COM", "example.com"},
      {"example.com.", "example.com"},
      {"localhost", "localhost"},
      {"LOCALHOST.", "localhost"},
      {"_dmarc.example.com", "_dmarc.example.com"},
      {"a--b.example.com", "a--b.example.com"},
      {"xn--mnchen-3ya.example", "xn--mnchen-3ya.example"},
      {"1.example.com", "1.example.com"},
      {"127.0.0.1.example", "127.0.0.1.example"},
      {"0x7f.example", "0x7f.example"},
      {"1e3", "1e3"},
      {"0x7g", "0x7g"},
      {"10.0.0.1a", "10.0.0.1a"},
      {std::string(63, 'a') + ".b", std::string(63, 'a') + ".b"},
      {LongestName(), LongestName()},
      {LongestName() + ".", LongestName()},
  };
  for (const auto& [text, normal] : cases) {
    auto name = NormalizeHostName(text);
    ASSERT_TRUE(name.ok()) << name.status();
    EXPECT_EQ(*name, normal);
    EXPECT_EQ(*NormalizeHostName(*name), *name);
  }
}

// Each would be an address to some resolver or HTTP client, which then asks nobody for the name.
TEST(NormalizeHostNameTest, RefusesEveryFormOfAnAddress) {
  const char* cases[] = {
      "127.0.0.1",
      "127.0.0.1.",
      "127.1",
      "127.1.",
      "2130706433",
      "0",
      "0.",
      "0x7f.1",
      "0X7F.1",
      "0x7f000001",
      "0x",
      "a.0x",
      "0x7f.0.0.0x1",
      "0177.0.0.1",
      "017700000001",
      "1.2.3.08",
      "999.999.999.999",
      "foo.1",
      "foo.0xdeadbeef",
      "1.2.3.4.5",
      "[::1]",
      "::1",
      "::",
      "::ffff:127.0.0.1",
      "fe80::1%eth0",
      "[127.0.0.1]",
      "127.0.0.1:80",
      "①②⑦.0.0.1",
      "１２７.0.0.1",
      "127。0。0。1",
  };
  for (const char* text : cases) {
    EXPECT_TRUE(absl::IsInvalidArgument(NormalizeHostName(text).status())) << text;
  }
}

TEST(NormalizeHostNameTest, WhatTheLibraryTakesForAnAddressIsNone) {
  in_addr address;
  for (const char* text :
       {"127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0x7f000001", "1.2.3.0x4"}) {
    ASSERT_EQ(::inet_aton(text, &address), 1) << text;
    EXPECT_FALSE(NormalizeHostName(text).ok()) << text;
  }
}

TEST(NormalizeHostNameTest, SaysWhatIsWrong) {
  const std::string kLetters = "a label may have letters, digits";
  const std::pair<std::string, std::string> cases[] = {
      {"", "it is empty"},
      {".", "it is empty"},
      {"..", "it has an empty label"},
      {"example.com..", "it has an empty label"},
      {".example.com", "it has an empty label"},
      {"example..com", "it has an empty label"},
      {std::string("example.com\0", 12), kLetters},
      {std::string("example.com\0.evil.example", 25), kLetters},
      {"example.com%0d%0aHost:evil", kLetters},
      {"example.com\r\nHost: evil", kLetters},
      {"example.com ", kLetters},
      {" example.com", kLetters},
      {"exam ple.com", kLetters},
      {"example.com:443", kLetters},
      {"https://example.com", kLetters},
      {"user@example.com", kLetters},
      {"example.com/path", kLetters},
      {"*.example.com", kLetters},
      {"*", kLetters},
      {"exa\\mple.com", kLetters},
      {"exa\x7fmple.com", kLetters},
      {"münchen.example", "write it as its xn-- form (punycode)"},
      {"ex\xc3\xa4mple.com", "write it as its xn-- form (punycode)"},
      // A Cyrillic letter that looks like a Latin one; a soft hyphen; a full-width dot.
      {"еxample.com", "write it as its xn-- form (punycode)"},
      {"exam\xc2\xadple.com", "write it as its xn-- form (punycode)"},
      {"example．com", "write it as its xn-- form (punycode)"},
      {"\xff.example.com", "write it as its xn-- form (punycode)"},
      {std::string(64, 'a') + ".example", "longer than 63 bytes"},
      {LongestName() + "b", "longer than 253 bytes"},
      {LongestName() + "..", "longer than 253 bytes"},
      {std::string(1 << 20, 'a'), "longer than 253 bytes"},
      {"example.127", "its last label is a number"},
  };
  for (const auto& [text, why] : cases) {
    const absl::Status status = NormalizeHostName(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << absl::CHexEscape(text.substr(0, 80));
    EXPECT_THAT(MessageOf(status), HasSubstr(why));
    EXPECT_THAT(MessageOf(status), HasSubstr("is not a host name"));
  }
}

TEST(NormalizeHostNameTest, TakesAsManyLabelsAsFit) {
  EXPECT_TRUE(NormalizeHostName(Repeat("a.", 127)).ok());
  EXPECT_FALSE(NormalizeHostName(Repeat("a.", 128)).ok());
}

TEST(NormalizeHostNameTest, EscapesAndCutsWhatItQuotes) {
  const std::string message =
      MessageOf(NormalizeHostName("\x1b]0;evil\x07\r\n" + std::string(500, '\xff')).status());
  EXPECT_LT(message.size(), 400u);
  for (char c : message) EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
}

}  // namespace
}  // namespace warren::testing
