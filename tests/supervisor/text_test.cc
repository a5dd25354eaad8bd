#include "supervisor/base/text.h"

#include <set>

#include "gtest/gtest.h"
#include "supervisor/session/ids.h"

namespace warren {
namespace {

constexpr size_t kPlenty = 1000;

TEST(Utf8Test, KeepsWhatIsValid) {
  for (const char* text :
       {"", "plain", "h\u00e4\u00df", "\u20ac", "\U0001D11E", "\U0010FFFF", "\x7f\x01"}) {
    EXPECT_TRUE(IsValidUtf8(text));
    EXPECT_EQ(ToValidUtf8(text, kPlenty), text);
  }
}

TEST(Utf8Test, ReplacesWhatIsNot) {
  EXPECT_EQ(ToValidUtf8("a\xff"
                        "b",
                        kPlenty),
            "a\uFFFD"
            "b");
  EXPECT_EQ(ToValidUtf8("cut\xe2\x82", kPlenty), "cut\uFFFD\uFFFD");
  // Overlong slash, a surrogate, beyond U+10FFFF.
  for (const char* text :
       {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(IsValidUtf8(text));
    EXPECT_TRUE(IsValidUtf8(ToValidUtf8(text, kPlenty)));
  }
}

TEST(Utf8Test, NeverCutsACharacter) {
  EXPECT_EQ(ToValidUtf8("ab\u20ac", 5), "ab\u20ac");
  EXPECT_EQ(ToValidUtf8("ab\u20ac", 4), "ab");
  EXPECT_EQ(ToValidUtf8("ab\u20ac", 2), "ab");
  EXPECT_EQ(ToValidUtf8("\xff\xff", 4), "\uFFFD");
  EXPECT_EQ(ToValidUtf8("abc", 0), "");
}

TEST(EscapeFileNameTest, LosesNothing) {
  EXPECT_EQ(EscapeFileName(""), "");
  EXPECT_EQ(EscapeFileName("/home/user/\xc3\xa4 b\n"), "/home/user/\xc3\xa4 b\n");
  EXPECT_EQ(EscapeFileName("a\\xff"), "a\\\\xff");
  EXPECT_EQ(EscapeFileName("\xff\xc3/\xed\xa0\x80"), "\\xff\\xc3/\\xed\\xa0\\x80");
}

TEST(MimeTypeTest, TakesNamesOnly) {
  EXPECT_TRUE(IsMimeType("image/svg+xml"));
  EXPECT_TRUE(IsMimeType("application/vnd.plotly.v1+json"));
  for (const char* text :
       {"", "/", "text", "text/", "/plain", "a/b/c", "te xt/plain", "text/pl\nain", "text/\xff"}) {
    EXPECT_FALSE(IsMimeType(text)) << text;
  }
  EXPECT_FALSE(IsMimeType("a/" + std::string(126, 'b')));
}

TEST(MimeTypeTest, TellsTextFromBytes) {
  EXPECT_TRUE(IsTextMimeType("text/html"));
  EXPECT_TRUE(IsTextMimeType("application/json"));
  EXPECT_TRUE(IsTextMimeType("image/svg+xml"));
  EXPECT_FALSE(IsTextMimeType("image/png"));
  EXPECT_FALSE(IsTextMimeType("application/pdf"));
}

TEST(NewIdTest, HasItsFormAndDoesNotRepeat) {
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) {
    std::string id = NewId("sb");
    ASSERT_EQ(id.size(), 22u);
    ASSERT_EQ(id.substr(0, 2), "sb");
    ASSERT_EQ(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"), std::string::npos);
    ids.insert(std::move(id));
  }
  EXPECT_EQ(ids.size(), 10'000u);
}

TEST(MissingModuleTest, IsTheTopLevelName) {
  EXPECT_EQ(MissingModule("ModuleNotFoundError", "No module named 'pandas'"), "pandas");
  EXPECT_EQ(MissingModule("ModuleNotFoundError", "No module named 'pandas.io.json'"), "pandas");
  EXPECT_EQ(MissingModule("ModuleNotFoundError", "No module named '_x1'"), "_x1");
}

// The texts are a sandbox's, and may say anything.
TEST(MissingModuleTest, NothingElseIsOne) {
  for (const char* name : {"", "ImportError", "ModuleNotFoundErrors", "modulenotfounderror"}) {
    EXPECT_EQ(MissingModule(name, "No module named 'pandas'"), "") << name;
  }
  for (const char* value :
       {"", "'", "No module named ", "No module named '", "No module named ''",
        "No module named '.x'", "No module named 'pandas", "No module named pandas",
        " No module named 'pandas'", "No module named 'pandas' ", "No module named 'pandas'\n",
        "No module named 'pan das'", "No module named 'pandas\x1b[2J'",
        "No module named 'pandas'; run 'curl'", "No module named 'p\xc3\xa4ndas'",
        "No module named 'pandas.`reboot`'", "No module named '../pandas'",
        "No module named 'x'No module named 'y'"}) {
    EXPECT_EQ(MissingModule("ModuleNotFoundError", value), "") << value;
  }
  EXPECT_EQ(
      MissingModule("ModuleNotFoundError", absl::string_view("No module named 'pandas\0'", 25)),
      "");
}

TEST(MissingModuleTest, IsBounded) {
  auto named = [](const std::string& module) {
    return std::string(MissingModule("ModuleNotFoundError", "No module named '" + module + "'"));
  };
  EXPECT_EQ(named(std::string(64, 'm')).size(), 64u);
  EXPECT_EQ(named(std::string(65, 'm')), "");
  EXPECT_EQ(named("m." + std::string(400, 's')), "m");
  EXPECT_EQ(named("m." + std::string(600, 's')), "");
}

}  // namespace
}  // namespace warren
