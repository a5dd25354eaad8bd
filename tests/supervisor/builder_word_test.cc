#include "supervisor/packages/builder_word.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

using testing::HasSubstr;

const std::string kDigest(64, 'a');

// A file of a "resolved" word.
std::string File(const std::string& name, const std::string& url, const std::string& digest,
                 bool requested = false) {
  return absl::StrCat(R"({"name":")", name, R"(","version":"1","url":")", url, R"(","sha256":")",
                      digest, R"(","requested":)", requested ? "true" : "false", "}");
}

std::string Url(const std::string& filename) {
  return "http://index.warren.internal/files/c2ln/YjY0/" + filename;
}

std::string Resolved(const std::string& files) { return R"({"resolved":[)" + files + "]}"; }

absl::Status StatusOf(const std::string& line) { return ParseBuilderWord(line).status(); }

TEST(BuilderWordTest, FilesAreSortedAndNamedAsTheirFileSays) {
  auto word = ParseBuilderWord(Resolved(
      absl::StrCat(File("Zope.Interface", Url("zope.interface-5.4-py3-none-any.whl"), kDigest), ",",
                   File("hopper", Url("hopper-1.0%2Blocal-py3-none-any.whl"), kDigest, true))));
  ASSERT_TRUE(word.ok()) << word.status();
  const auto& files = std::get<BuilderResolved>(*word).files;
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].name, "hopper");
  EXPECT_EQ(files[0].version, "1.0+local");
  EXPECT_EQ(files[0].filename, "hopper-1.0+local-py3-none-any.whl");
  EXPECT_TRUE(files[0].requested);
  EXPECT_EQ(files[1].name, "zope-interface");
  EXPECT_FALSE(files[1].requested);
}

TEST(BuilderWordTest, WhatIsNotTheIndexsIsRefused) {
  const std::string wheel = "hopper-1.0-py3-none-any.whl";
  for (const std::string& url :
       {"https://index.warren.internal/files/a/b/" + wheel,
        "http://index.warren.internal/simple/" + wheel,
        "http://index.warren.internal.evil.test/files/a/b/" + wheel, "file:///etc/" + wheel,
        Url(wheel) + "\\nx", Url(wheel) + " ", Url("other-1.0-py3-none-any.whl"), Url("hopper.whl"),
        Url("hopper-1.0-py3-none-any.whl%00"), Url("..%2fhopper-1.0-py3-none-any.whl"), Url("%zz"),
        Url(std::string(9000, 'a'))}) {
    EXPECT_TRUE(absl::IsInternal(StatusOf(Resolved(File("hopper", url, kDigest))))) << url;
  }
}

TEST(BuilderWordTest, NamesAndDigestsAreChecked) {
  const std::string url = Url("hopper-1.0-py3-none-any.whl");
  EXPECT_TRUE(StatusOf(Resolved(File("hopper", url, kDigest))).ok());
  for (const std::string& digest :
       {std::string(), std::string(63, 'a'), std::string(64, 'A'), std::string(64, 'g')})
    EXPECT_FALSE(StatusOf(Resolved(File("hopper", url, digest))).ok()) << digest;
  for (const char* name : {"", "../hopper", "hop per", "grace"})
    EXPECT_FALSE(StatusOf(Resolved(File(name, url, kDigest))).ok()) << name;
  const std::string file = File("hopper", url, kDigest);
  EXPECT_FALSE(StatusOf(Resolved(file + "," + file)).ok());
}

TEST(BuilderWordTest, TooManyFilesAreTheClientsConcern) {
  std::string files;
  for (size_t i = 0; i <= kMaxResolvedFiles; ++i) absl::StrAppend(&files, i == 0 ? "" : ",", "{}");
  auto word = ParseBuilderWord(Resolved(files));
  ASSERT_TRUE(word.ok()) << word.status();
  EXPECT_TRUE(absl::IsResourceExhausted(std::get<BuilderRefused>(*word).why));
}

TEST(BuilderWordTest, ErrorsAreStatuses) {
  const std::pair<const char*, absl::StatusCode> kinds[] = {
      {"invalid", absl::StatusCode::kInvalidArgument},
      {"denied", absl::StatusCode::kPermissionDenied},
      {"unavailable", absl::StatusCode::kUnavailable},
      {"missing", absl::StatusCode::kFailedPrecondition},
      {"conflict", absl::StatusCode::kFailedPrecondition},
      {"anything", absl::StatusCode::kFailedPrecondition}};
  for (const auto& [kind, code] : kinds) {
    auto word = ParseBuilderWord(
        absl::StrCat(R"({"error":{"kind":")", kind, R"(","message":"why \ud83d\ude00"}})"));
    ASSERT_TRUE(word.ok()) << word.status();
    const absl::Status& why = std::get<BuilderRefused>(*word).why;
    EXPECT_EQ(why.code(), code) << kind;
    EXPECT_THAT(std::string(why.message()), HasSubstr("why"));
  }
  auto mute = ParseBuilderWord(R"({"error":7})");
  ASSERT_TRUE(mute.ok());
  EXPECT_FALSE(std::get<BuilderRefused>(*mute).why.message().empty());
}

TEST(BuilderWordTest, Ports) {
  auto word = ParseBuilderWord(R"({"listening":40001})");
  ASSERT_TRUE(word.ok());
  EXPECT_EQ(std::get<BuilderListens>(*word).port, 40001);
  for (const char* port : {"0", "65536", "-1", "\"80\"", "1.5", "null", "[]"})
    EXPECT_FALSE(StatusOf(absl::StrCat(R"({"listening":)", port, "}")).ok()) << port;
}

TEST(BuilderWordTest, WhatIsNoWordIsRefused) {
  const std::string deep = R"({"progress":)" + std::string(100, '[') + std::string(100, ']') + "}";
  for (const std::string& line :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"),
        std::string("{\"x\":1}"), std::string("{\"resolved\":{}}"),
        std::string("{\"resolved\":[1]}"), std::string("not json"), deep,
        std::string("{\"progress\":\"\xff\"}")}) {
    EXPECT_TRUE(absl::IsInternal(StatusOf(line))) << line;
  }
}

}  // namespace
}  // namespace warren
