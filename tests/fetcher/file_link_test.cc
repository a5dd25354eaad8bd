#include "runtime/fetcher/file_link.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/fetcher/byte_range.h"
#include "runtime/fetcher/simple_page.h"
#include "runtime/fetcher/web_url.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

FileLink Link() {
  return {3, "numpy-2.1.0-py3-none-any.whl", "https://files.test/a/numpy.whl?x=%0a",
          std::string(64, 'a'), std::string(64, 'b')};
}

TEST(LinkSealerTest, ReadsWhatItMade) {
  const LinkSealer sealer(std::string(32, 'k'));
  const std::string path = sealer.PathOf(Link());
  EXPECT_THAT(path, StartsWith("/files/"));
  const auto query = sealer.Read(path);
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(query->part, FileQuery::Part::kFile);
  EXPECT_EQ(query->link.index, 3u);
  EXPECT_EQ(query->link.filename, Link().filename);
  EXPECT_EQ(query->link.url, Link().url);
  EXPECT_EQ(query->link.sha256, Link().sha256);
  EXPECT_EQ(query->link.metadata, Link().metadata);
  // As another fetcher of the same launcher does.
  EXPECT_TRUE(LinkSealer(std::string(32, 'k')).Read(path).ok());
}

TEST(LinkSealerTest, SaysNothingOfTheIndex) {
  const LinkSealer sealer(std::string(32, 'k'));
  const std::string path = sealer.PathOf(Link());
  // The same file is the same link, for whoever keeps what it has fetched.
  EXPECT_EQ(sealer.PathOf(Link()), path);
  FileLink other = Link();
  other.url += "1";
  EXPECT_NE(sealer.PathOf(other), path);
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  ASSERT_EQ(parts.size(), 5u) << path;
  EXPECT_EQ(parts[4], Link().filename);
  for (const std::string& part : {parts[2], parts[3]}) {
    std::string said;
    ASSERT_TRUE(absl::WebSafeBase64Unescape(part, &said)) << part;
    EXPECT_THAT(said, Not(HasSubstr("files.test")));
    EXPECT_THAT(said, Not(HasSubstr("numpy")));
  }
}

TEST(LinkSealerTest, MetadataAreAskedForWhereThereAreAny) {
  const LinkSealer sealer(std::string(32, 'k'));
  const auto query = sealer.Read(sealer.PathOf(Link()) + ".metadata");
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(query->part, FileQuery::Part::kMetadata);
  FileLink bare = Link();
  bare.metadata.reset();
  EXPECT_FALSE(sealer.Read(sealer.PathOf(bare) + ".metadata").ok());
}

TEST(LinkSealerTest, KnowsNoOther) {
  const LinkSealer sealer(std::string(32, 'k'));
  const std::string path = sealer.PathOf(Link());
  FileLink other = Link();
  other.url = "http://169.254.169.254/";
  const std::string others = LinkSealer(std::string(32, 'x')).PathOf(other);
  EXPECT_FALSE(sealer.Read(others).ok());
  const size_t signature = sizeof("/files/") - 1;
  const size_t description = path.find('/', signature);
  const size_t others_description = others.find('/', signature);
  // Our seal on another's description.
  EXPECT_FALSE(sealer.Read(path.substr(0, description) + others.substr(others_description)).ok());
  EXPECT_FALSE(sealer.Read(path + "x").ok());
  EXPECT_FALSE(sealer.Read("/files//" + path.substr(description + 1)).ok());
  EXPECT_FALSE(sealer.Read("/files/a/b").ok());
  EXPECT_FALSE(sealer.Read("/files/").ok());
  EXPECT_FALSE(sealer.Read("").ok());
  // Each bit counts, but for those that a text has too many.
  const size_t end = path.rfind('/');
  for (size_t i = signature; i + 1 < end; ++i) {
    if (i + 1 == description || i == description) continue;
    std::string forged = path;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(sealer.Read(forged).ok()) << i;
  }
}

TEST(SimplePageTest, EscapesWhatAnIndexSays) {
  PackageFile file;
  file.filename = "numpy-2.1.0-py3-none-any.whl";
  file.sha256 = std::string(64, 'a');
  file.requires_python = ">=3.8\"><script>";
  file.yanked = "a\n\xc3\xa4&";
  file.metadata = "";
  const std::string page = SimplePage("numpy", {{file, "/files/a/b/c"}});
  EXPECT_THAT(page, HasSubstr(absl::StrCat("<a href=\"/files/a/b/c#sha256=", file.sha256,
                                           "\" data-requires-python=\"&gt;=3.8&quot;&gt;"
                                           "&lt;script&gt;\" data-yanked=\"a???&amp;\" "
                                           "data-dist-info-metadata=\"true\"")));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
}

TEST(WebUrlTest, IsReadAsItIsUsed) {
  const auto url = ParseWebUrl("HTTPS://Files.Test:8443/a/../b?q#fragment");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "files.test");
  EXPECT_EQ(url->port, 8443);
  EXPECT_THAT(url->text, Not(HasSubstr("fragment")));
  EXPECT_EQ(ParseWebUrl("http://a.test/")->port, 80);
  EXPECT_EQ(ParseWebUrl("https://a.test")->port, 443);
  // Other spellings of 127.0.0.1.
  EXPECT_EQ(ParseWebUrl("http://2130706433/")->host, "127.0.0.1");
  for (const char* wrong : {"", "numpy", "ftp://a.test/", "file:///etc/passwd", "https://u@a.test/",
                            "https://u:p@a.test/", "https://a.test:0/", "https://a.test/\nx",
                            "https://a.test:70000/"}) {
    EXPECT_FALSE(ParseWebUrl(wrong).ok()) << wrong;
  }
  EXPECT_FALSE(ParseWebUrl("https://a.test/" + std::string(kMaxWebUrl, 'x')).ok());
}

TEST(WebUrlTest, ReferencesAreResolved) {
  const WebUrl base = *ParseWebUrl("https://a.test/simple/numpy/");
  EXPECT_EQ(ResolveWebUrl(base, "../../f/x.whl")->text, "https://a.test/f/x.whl");
  EXPECT_EQ(ResolveWebUrl(base, "//b.test/x")->text, "https://b.test/x");
  EXPECT_FALSE(ResolveWebUrl(base, "//u:p@b.test/x").ok());
  EXPECT_FALSE(ResolveWebUrl(base, "file:///x").ok());
}

TEST(ByteRangeTest, HasOnePart) {
  for (const char* one : {"bytes=0-99", "bytes=100-", "bytes=-100"})
    EXPECT_TRUE(ParseByteRange(one)) << one;
  for (const char* none : {"", "bytes=", "bytes=-", "bytes=1-2,4-5", "bytes=5-4", "lines=1-2",
                           "bytes=+1-2", "bytes= 1-2", "bytes=99999999999999999999-"}) {
    EXPECT_FALSE(ParseByteRange(none)) << none;
  }
}

TEST(ByteRangeTest, IsOfAFile) {
  const auto part = [](const char* header, int64_t size) {
    const auto found = PartOf(*ParseByteRange(header), size);
    return found.ok() ? absl::StrCat(found->offset, "+", found->size) : "none";
  };
  EXPECT_EQ(part("bytes=0-99", 1000), "0+100");
  EXPECT_EQ(part("bytes=990-2000", 1000), "990+10");
  EXPECT_EQ(part("bytes=-10", 1000), "990+10");
  EXPECT_EQ(part("bytes=-2000", 1000), "0+1000");
  EXPECT_EQ(part("bytes=1000-", 1000), "none");
  EXPECT_EQ(part("bytes=-0", 1000), "none");
  EXPECT_EQ(part("bytes=0-", 0), "none");
}

}  // namespace
}  // namespace warren
