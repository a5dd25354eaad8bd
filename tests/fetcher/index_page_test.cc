#include "runtime/fetcher/index_page.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kDigest(64, 'a');
constexpr char kFile[] = "numpy-2.1.0-py3-none-any.whl";

WebUrl Page() { return *ParseWebUrl("https://index.test/simple/numpy/"); }

std::string Json(const std::string& files) {
  return absl::StrCat(R"({"meta":{"api-version":"1.1","list":[["x",{"files":[]}]]},"files":[)",
                      files, "]}");
}

std::string Problem(const absl::StatusOr<std::vector<PackageFile>>& files) {
  return std::string(files.status().message());
}

TEST(JsonPageTest, TellsAllOfAFile) {
  const auto files =
      ParseJsonPage(Json(absl::StrCat(R"({"filename":")", kFile, R"(","url":"../../files/)", kFile,
                                      R"(","hashes":{"md5":"x","sha256":")", std::string(64, 'A'),
                                      R"("},"requires-python":">=3.8","yanked":"broken","size":7,)"
                                      R"("core-metadata":{"sha256":")",
                                      kDigest, R"("},"provenance":null})")),
                    Page());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_THAT(*files, SizeIs(1));
  const PackageFile& file = files->front();
  EXPECT_EQ(file.filename, kFile);
  EXPECT_EQ(file.url, absl::StrCat("https://index.test/files/", kFile));
  EXPECT_EQ(file.sha256, kDigest);
  EXPECT_EQ(file.requires_python, ">=3.8");
  EXPECT_EQ(file.yanked, "broken");
  EXPECT_EQ(file.metadata, kDigest);
}

TEST(JsonPageTest, OneFileSaysNothingOfTheNext) {
  const auto files = ParseJsonPage(
      Json(absl::StrCat(
          R"({"filename":")", kFile,
          R"(","url":"a.whl","yanked":true,"dist-info-metadata":true,"hashes":{"sha256":")",
          kDigest, R"("}},{"filename":")", kFile,
          R"(","url":"b.whl","yanked":false,"dist-info-metadata":false,"hashes":{}})")),
      Page());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_THAT(*files, SizeIs(2));
  EXPECT_EQ((*files)[0].yanked, "");
  EXPECT_EQ((*files)[0].metadata, "");
  EXPECT_EQ((*files)[1].yanked, std::nullopt);
  EXPECT_EQ((*files)[1].metadata, std::nullopt);
  EXPECT_EQ((*files)[1].sha256, "");
}

TEST(JsonPageTest, WhatCannotBeUsedIsLeftOut) {
  const auto files = ParseJsonPage(
      Json(R"({"filename":"../../etc/passwd","url":"a.whl","hashes":{}},)"
           R"({"filename":"a b.whl","url":"a.whl","hashes":{}},)"
           R"({"filename":"a.whl","url":"file:///etc/passwd","hashes":{}},)"
           R"({"filename":"a.whl","url":"https://user:word@index.test/a.whl","hashes":{}},)"
           R"({"filename":"a.whl","hashes":{}},["filename","a.whl"],7,null,)"
           R"({"filename":"b.whl","url":"b.whl","hashes":{}})"),
      Page());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_THAT(*files, SizeIs(1));
  EXPECT_EQ(files->front().filename, "b.whl");
}

TEST(JsonPageTest, OfNothingThatCanBeUsedIsNotEmpty) {
  for (const char* only : {R"({"filename":"a.whl","url":"ftp://index.test/a.whl"})",
                           R"({"filename":"a.whl","url":"https://u:p@index.test/a.whl"})", "{}",
                           "[]", "7", "-7", "1.5", "null", "true", R"("a.whl")"}) {
    EXPECT_EQ(Problem(ParseJsonPage(Json(only), Page())), kNoUsableFile) << only;
  }
  const auto empty = ParseJsonPage(Json(""), Page());
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_THAT(*empty, IsEmpty());
}

TEST(JsonPageTest, WhatIsNoPageIsSaid) {
  EXPECT_THAT(Problem(ParseJsonPage("<html>", Page())), HasSubstr("no JSON"));
  EXPECT_THAT(Problem(ParseJsonPage("", Page())), HasSubstr("no JSON"));
  EXPECT_THAT(Problem(ParseJsonPage(Json("") + "x", Page())), HasSubstr("no JSON"));
  EXPECT_THAT(Problem(ParseJsonPage(R"({"meta":{"files":[]}})", Page())), HasSubstr("no list"));
  EXPECT_THAT(Problem(ParseJsonPage("[]", Page())), HasSubstr("no list"));
  EXPECT_THAT(Problem(ParseJsonPage(std::string(1000, '['), Page())), HasSubstr("too deep"));
}

TEST(JsonPageTest, IsBounded) {
  std::string many;
  for (size_t i = 0; i <= kMaxPackageFiles; ++i)
    absl::StrAppend(&many, i > 0 ? "," : "", R"({"filename":"a.whl","url":"a.whl"})");
  EXPECT_THAT(Problem(ParseJsonPage(Json(many), Page())), HasSubstr("too many files"));
  EXPECT_THAT(Problem(ParseIndexPage(kSimpleJson, std::string(kMaxIndexPage + 1, ' '), Page())),
              HasSubstr("too large"));
}

TEST(HtmlPageTest, TellsAllOfAFile) {
  const auto files = ParseHtmlPage(
      absl::StrCat("<!DOCTYPE html><html><body><h1>Links</h1>\n<a href=\"../../files/", kFile,
                   "#sha256=", kDigest,
                   "\" data-requires-python=\"&gt;=3.8\" data-yanked=\"\" "
                   "data-dist-info-metadata=\"sha256=",
                   kDigest, "\">another name</a><br/>\n<a href='x.zip'>x</a>"),
      Page());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_THAT(*files, SizeIs(2));
  const PackageFile& file = files->front();
  EXPECT_EQ(file.filename, kFile);
  EXPECT_EQ(file.url, absl::StrCat("https://index.test/files/", kFile));
  EXPECT_EQ(file.sha256, kDigest);
  EXPECT_EQ(file.requires_python, ">=3.8");
  EXPECT_EQ(file.yanked, "");
  EXPECT_EQ(file.metadata, kDigest);
  EXPECT_EQ((*files)[1].sha256, "");
  EXPECT_EQ((*files)[1].yanked, std::nullopt);
}

TEST(HtmlPageTest, LinksAreOfItsBase) {
  const auto files = ParseHtmlPage(
      "<base href='https://files.test/a/'><base href='https://other.test/'>"
      "<a href='a%2Bb.whl'>x</a>",
      Page());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_THAT(*files, SizeIs(1));
  EXPECT_EQ(files->front().url, "https://files.test/a/a%2Bb.whl");
  EXPECT_EQ(files->front().filename, "a+b.whl");
}

TEST(HtmlPageTest, WhatCannotBeUsedIsLeftOut) {
  const auto files = ParseHtmlPage(
      "<a>x</a><a href=''>x</a><a href='..'>x</a><a href='a%2Fb.whl'>x</a>"
      "<a href='javascript:alert(1)'>x</a><a href='file:///etc/a.whl'>x</a>"
      "<a href='//u:p@index.test/a.whl'>x</a><a href='a%00.whl'>x</a><a href='b.whl'>b</a>",
      Page());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_THAT(*files, SizeIs(1));
  EXPECT_EQ(files->front().filename, "b.whl");
}

TEST(HtmlPageTest, OfNothingThatCanBeUsedIsNotEmpty) {
  for (const char* href : {"ftp://index.test/a.whl", "//u:p@index.test/a.whl", "a%2Fb.whl", ".."}) {
    const auto files = ParseHtmlPage(absl::StrCat("<a href='", href, "'>x</a>"), Page());
    EXPECT_EQ(Problem(files), kNoUsableFile) << href;
  }
  const auto empty = ParseHtmlPage("<h1>None</h1><a>x</a><a href=''>x</a>", Page());
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_THAT(*empty, IsEmpty());
}

TEST(HtmlPageTest, IsBounded) {
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "<div>";
  EXPECT_THAT(Problem(ParseHtmlPage(deep, Page())), HasSubstr("too many elements"));
  std::string many;
  for (size_t i = 0; i <= kMaxPackageFiles; ++i) many += "<a href='a.whl'>a</a>";
  EXPECT_THAT(Problem(ParseHtmlPage(many, Page())), HasSubstr("too many files"));
}

TEST(IndexPageTest, ItsTypeSaysHowItIsRead) {
  EXPECT_TRUE(ParseIndexPage("Text/HTML; charset=utf-8", "<a href='a.whl'>a</a>", Page()).ok());
  EXPECT_TRUE(ParseIndexPage(kSimpleHtml, "", Page()).ok());
  EXPECT_TRUE(ParseIndexPage(kSimpleJson, Json(""), Page()).ok());
  EXPECT_THAT(Problem(ParseIndexPage("text/plain", "", Page())), HasSubstr("of a type"));
  EXPECT_THAT(Problem(ParseIndexPage("", "", Page())), HasSubstr("of a type"));
}

}  // namespace
}  // namespace warren
