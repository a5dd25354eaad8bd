#include "supervisor/session/text.h"

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

}  // namespace
}  // namespace warren
