#include "tools/warren/terminal_text.h"

#include <gtest/gtest.h>

namespace warren {
namespace {

std::string Keep(absl::string_view text) { return EscapeForTerminal(text, WhiteSpace::kKeep); }

TEST(EscapeForTerminal, LeavesTextAlone) {
  EXPECT_EQ(Keep("naïve 北京 🐇\n\tdone\r\n"), "naïve 北京 🐇\n\tdone\r\n");
}

TEST(EscapeForTerminal, ShowsControlSequences) {
  EXPECT_EQ(Keep("\x1b]52;c;aGk=\x07"), "\\x1b]52;c;aGk=\\x07");
  EXPECT_EQ(Keep("\x7f\b"), "\\x7f\\x08");
  // The one-character CSI of C1, in UTF-8.
  EXPECT_EQ(Keep("\xc2\x9b"
                 "31m"),
            "\\u009b31m");
  EXPECT_EQ(Keep(absl::string_view("a\0b", 3)), "a\\x00b");
}

TEST(EscapeForTerminal, ShowsMarksThatReorderText) {
  EXPECT_EQ(Keep("admin\u202e\u2066"), "admin\\u202e\\u2066");
}

TEST(EscapeForTerminal, ShowsInvalidUtf8) {
  EXPECT_EQ(Keep("\xff"), "\\xff");
  EXPECT_EQ(Keep("\xc0\xaf"), "\\xc0\\xaf");                    // overlong '/'
  EXPECT_EQ(Keep("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");           // overlong C1
  EXPECT_EQ(Keep("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(Keep("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(Keep("end\xe2\x82"), "end\\xe2\\x82");              // cut off
}

TEST(EscapeForTerminal, OneLineWhereAsked) {
  EXPECT_EQ(EscapeForTerminal("a\n\r\tb", WhiteSpace::kEscape), "a\\n\\r\\tb");
}

TEST(IsUtf8, IsTheWholeText) {
  for (const char* text : {"", "a\n\x7f", "€🐇\uFFFD"}) EXPECT_TRUE(IsUtf8(text)) << text;
  EXPECT_TRUE(IsUtf8(std::string("\0", 1)));
  // Latin-1, cut off, overlong, a surrogate, beyond the last code point.
  for (const char* text : {"a\xff", "\xe2\x82", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
    EXPECT_FALSE(IsUtf8(text)) << text;
}

TEST(Utf8Splitter, HoldsASplitSequenceBack) {
  std::string text = "a€🐇";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Splitter splitter;
    std::string first = splitter.Take(text.substr(0, cut));
    EXPECT_EQ(Keep(first).find('\\'), std::string::npos) << cut;
    EXPECT_EQ(first + splitter.Take(text.substr(cut)), text);
    EXPECT_EQ(splitter.Flush(), "");
  }
}

TEST(Utf8Splitter, GivesUpOnWhatNeverCompletes) {
  Utf8Splitter splitter;
  EXPECT_EQ(splitter.Take("x\xe2\x82"), "x");
  EXPECT_EQ(splitter.Take("y"), "\xe2\x82y");
  EXPECT_EQ(splitter.Take("\xe2\x82"), "");
  EXPECT_EQ(splitter.Flush(), "\xe2\x82");
  EXPECT_EQ(splitter.Take("\xff\x80\x80\x80\x80"), "\xff\x80\x80\x80\x80");
}

}  // namespace
}  // namespace warren
