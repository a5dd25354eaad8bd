#include "supervisor/e2b/base/json.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

bool IsRead(absl::string_view text) { return ParseCloudJson(text, "it").ok(); }

std::string Repeat(absl::string_view text, size_t times) {
  std::string repeated;
  for (size_t i = 0; i < times; ++i) absl::StrAppend(&repeated, text);
  return repeated;
}

std::string Nested(size_t depth) {
  return absl::StrCat(std::string(depth, '['), std::string(depth, ']'));
}

std::string TextIn(absl::string_view json) {
  auto read = ParseCloudJson(json, "it");
  EXPECT_TRUE(read.ok()) << json;
  return read.ok() ? TextField(*read, "t") : "";
}

TEST(CloudJson, DepthIsBounded) {
  EXPECT_TRUE(IsRead(Nested(kMaxCloudJsonDepth)));
  EXPECT_FALSE(IsRead(Nested(kMaxCloudJsonDepth + 1)));
  EXPECT_TRUE(IsRead(absl::StrCat("[", Repeat("[{}],", 1000), "1]")));
  // In a text they are none, whatever is escaped in it.
  EXPECT_TRUE(IsRead(absl::StrCat(R"(["\"\\\"{[,)", std::string(1000, '['), R"(\\"])")));
}

TEST(CloudJson, ValuesAreBounded) {
  // Each object with the array around it once more would be some ten billion steps.
  EXPECT_TRUE(IsRead(absl::StrCat("[", Repeat("{ },", kMaxCloudJsonValues - 2), "1]")));
  EXPECT_FALSE(IsRead(absl::StrCat("[", Repeat("{},", kMaxCloudJsonValues - 1), "1]")));
  EXPECT_TRUE(IsRead(absl::StrCat("[", Repeat("1,", kMaxCloudJsonValues - 2), "1]")));
  EXPECT_FALSE(IsRead(absl::StrCat("[", Repeat("1,", kMaxCloudJsonValues - 1), "1]")));
  EXPECT_TRUE(IsRead(absl::StrCat("[", Repeat("[1],", kMaxCloudJsonValues / 2 - 1), "1]")));
  EXPECT_FALSE(IsRead(absl::StrCat("[", Repeat("[1],", kMaxCloudJsonValues / 2), "1]")));
  EXPECT_FALSE(IsRead(absl::StrCat("{", Repeat(R"("":0,)", kMaxCloudJsonValues), R"("":0})")));
  EXPECT_TRUE(IsRead(absl::StrCat("[\"", std::string(2 * kMaxCloudJsonValues, ','), "\"]")));
}

TEST(CloudJson, WhatIsNone) {
  for (const char* text :
       {"", "{", "]", "}{", "[1,]", "\"", "\"\\", "\"\\\"", "\"\\u", "\"\\ud800", "\"\\ud800\\u",
        "\"\\ud80\"", "\"\\uxxxx\"", "\"\\ud800\\uzzzz\"", "[]]", "{}x"}) {
    EXPECT_FALSE(IsRead(text)) << text;
  }
  EXPECT_FALSE(IsRead(absl::string_view("[]\0", 3)));
  EXPECT_FALSE(IsRead(absl::string_view("[\"\0\"]", 5)));
}

TEST(CloudJson, HalvesOfCharactersAreReplaced) {
  const std::string half = "\xEF\xBF\xBD";
  EXPECT_EQ(TextIn(R"({"t":"a\ud800b"})"), absl::StrCat("a", half, "b"));
  EXPECT_EQ(TextIn(R"({"t":"\uDFFF"})"), half);
  EXPECT_EQ(TextIn(R"({"t":"\ud83d\ude00"})"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(TextIn(R"({"t":"\ud83d\ud83d\ude00"})"), absl::StrCat(half, "\xF0\x9F\x98\x80"));
  EXPECT_EQ(TextIn(R"({"t":"\ude00\ud83d"})"), absl::StrCat(half, half));
  EXPECT_EQ(TextIn(R"({"t":"\ud83d\n\ude00"})"), absl::StrCat(half, "\n", half));
  EXPECT_EQ(TextIn(R"({"\udc00":"\ud800","t":"\uD800"})"), half);
  // Not an escape.
  EXPECT_EQ(TextIn(R"({"t":"\\ud800"})"), "\\ud800");
  EXPECT_EQ(TextIn(R"({"t":"\\\ud800"})"), absl::StrCat("\\", half));
}

}  // namespace
}  // namespace warren
