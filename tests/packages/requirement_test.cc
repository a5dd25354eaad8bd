#include "runtime/packages/requirement.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

const std::string kSha256 = "--hash=sha256:" + std::string(64, 'a');

std::string TextOf(absl::string_view line) {
  auto requirement = ParseRequirement(line);
  EXPECT_TRUE(requirement.ok()) << requirement.status();
  return requirement.ok() ? requirement->text : "";
}

std::string WhyNot(absl::string_view line) {
  const absl::Status status = ParseRequirement(line).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << line;
  return std::string(status.message());
}

TEST(ParseRequirementTest, WritesItAsPipTakesIt) {
  const std::pair<std::string, std::string> cases[] = {
      {"numpy", "numpy"},
      {"  numpy\t", "numpy"},
      {"Zope.Interface", "zope-interface"},
      {"numpy==2.1.0", "numpy==2.1.0"},
      {"numpy >= 1.24 , < 3", "numpy>=1.24,<3"},
      {"numpy (>=1.24,<3)", "numpy>=1.24,<3"},
      {"numpy(==2.*)", "numpy==2.*"},
      {"numpy===weird-build", "numpy===weird-build"},
      {"httpx[http2]", "httpx[http2]"},
      {"httpx [ http2 , socks ]>=0.27", "httpx[http2,socks]>=0.27"},
      {"httpx[]", "httpx"},
      {"httpx[http2]>=0.27; python_version >= '3.9'",
       "httpx[http2]>=0.27; python_version >= '3.9'"},
      {"a;python_version<'3.9' and (os_name==\"posix\")",
       "a; python_version<'3.9' and (os_name==\"posix\")"},
      {"a; platform_version == \"it's\"", "a; platform_version == \"it's\""},
      {"numpy==2.1.0 " + kSha256, "numpy==2.1.0 " + kSha256},
      {"a ; os_name == 'x'   " + kSha256 + "  " + kSha256,
       "a; os_name == 'x' " + kSha256 + " " + kSha256},
      {"a --hash=sha512:" + std::string(128, 'F'), "a --hash=sha512:" + std::string(128, 'f')},
      {"a --hash=sha384:" + std::string(96, '0'), "a --hash=sha384:" + std::string(96, '0')},
  };
  for (const auto& [line, text] : cases) {
    EXPECT_EQ(TextOf(line), text);
    EXPECT_EQ(TextOf(text), text);
  }
}

TEST(ParseRequirementTest, KnowsTheNameAndTheHashes) {
  auto plain = ParseRequirement("Typing_Extensions>=4");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->name, "typing-extensions");
  EXPECT_FALSE(plain->hashed);
  auto hashed = ParseRequirement("a==1 " + kSha256);
  ASSERT_TRUE(hashed.ok()) << hashed.status();
  EXPECT_TRUE(hashed->hashed);
}

TEST(ParseRequirementTest, RefusesUrlsByName) {
  for (const char* line :
       {"a @ https://evil.test/a.whl", "a@https://evil.test/a.whl", "https://evil.test/a.whl",
        "git+https://evil.test/a.git", "git+ssh://git@evil.test/a", "file:///etc/passwd", "file:a",
        "a[x] @ file:b", "svn+x:a", "a@b", "C:/a"}) {
    EXPECT_THAT(WhyNot(line), HasSubstr("is a URL")) << line;
  }
  EXPECT_THAT(WhyNot("a @ https://evil.test/a.whl"),
              HasSubstr("\"a @ https://evil.test/a.whl\" is a URL"));
}

TEST(ParseRequirementTest, RefusesPathsByName) {
  for (const char* line : {".",
                           "./a",
                           "../a",
                           "/srv/a",
                           "a/b",
                           "~/a",
                           "~root",
                           "a.whl",
                           "a-1.0-py3-none-any.whl",
                           "a.ZIP",
                           "a.tar.gz",
                           "a.tgz",
                           "a.tar.bz2",
                           "a.tar.lzma",
                           "a.zip[x]",
                           "a===1.zip",
                           "./a; os_name == 'x'",
                           "a.zip ; os_name == 'x'",
                           "a===1.whl[x]",
                           "a (===1.zip)",
                           "a[b]===1.zip[x]",
                           "a[b] ( ===1.tar.gz )"}) {
    EXPECT_THAT(WhyNot(line), HasSubstr("is the path of a file")) << line;
  }
  // Names that end as nothing that pip opens.
  EXPECT_EQ(TextOf("backports.tarfile"), "backports-tarfile");
  EXPECT_EQ(TextOf("zipp"), "zipp");
}

TEST(ParseRequirementTest, RefusesOptionsByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"-r other.txt", "the option \"-r\" is not taken here; write that file's lines"},
      {"-rother.txt", "\"-r\""},
      {"--requirement=other.txt", "\"--requirement\""},
      {"-c c.txt", "constraints are given apart"},
      {"-e .", "\"-e\" is not taken here; a package comes from an index"},
      {"--index-url https://evil.test/",
       "\"--index-url\" is not taken here; the server's operator"},
      {"--extra-index-url=https://evil.test/", "\"--extra-index-url\""},
      {"-ihttps://evil.test/", "\"-i\""},
      {"--find-links .", "\"--find-links\""},
      {"--pre", "name a prerelease by its version"},
      {"--no-binary :all:", "whether packages may be built"},
      {"--trusted-host evil.test", "\"--trusted-host\""},
      {"--global-option=x", "\"--global-option\" is not taken here; a requirement is"},
      {"-", "the option \"-\""},
      {"numpy --global-option=x", "\"--global-option\""},
      {"numpy --config-settings=x", "\"--config-settings\""},
      {"numpy -r other.txt", "\"-r\""},
      // pip looks for options before it looks at quotes.
      {"a; os_name == ' --index-url=https://evil.test '", "\"--index-url\""},
      {"a; os_name == '\t-r x'", "\"-r\""},
  };
  for (const auto& [line, what] : cases) EXPECT_THAT(WhyNot(line), HasSubstr(what)) << line;
  EXPECT_THAT(WhyNot("numpy " + kSha256 + " -r x"), HasSubstr("\"-r\""));
  EXPECT_THAT(WhyNot(kSha256), HasSubstr("\"--hash\""));
}

TEST(ParseRequirementTest, RefusesWhatWouldBecomeSomethingElse) {
  EXPECT_THAT(WhyNot("a; os_name == '${HOME}'"), HasSubstr("environment variable"));
  EXPECT_THAT(WhyNot("${PACKAGE}"), HasSubstr("environment variable"));
  EXPECT_THAT(WhyNot("numpy\n--pre"), HasSubstr("\"numpy\\n--pre\" has characters"));
  EXPECT_THAT(WhyNot("numpy\r"), HasSubstr("not printable ASCII"));
  EXPECT_THAT(WhyNot("nump\xd1\x83"), HasSubstr("not printable ASCII"));
  EXPECT_THAT(WhyNot(absl::string_view("numpy\0x", 7)), HasSubstr("not printable ASCII"));
  EXPECT_THAT(WhyNot("numpy \\"), HasSubstr("backslash"));
  EXPECT_THAT(WhyNot("numpy # comment"), HasSubstr("has a comment"));
  EXPECT_THAT(WhyNot("#numpy"), HasSubstr("has a comment"));
}

TEST(ParseRequirementTest, RefusesWhatCannotBeUnderstood) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "it is empty"},
      {" \t", "it is empty"},
      {"==1.0", "\"\" is no package's name"},
      {"; os_name == 'x'", "\"\" is no package's name"},
      {"numpy,pandas", "\"numpy,pandas\" is no package's name"},
      {"numpy pandas", "\"pandas\": versions begin with =="},
      {"numpy=1.0", "\"=1.0\": versions begin with =="},
      {"numpy>=1.0,", "versions begin with =="},
      {"numpy>=1.0 <2", "one version behind >="},
      {"numpy (>=1.0", "no \")\""},
      {"numpy>=1.0)", "one version behind >="},
      {"numpy[a", "no \"]\""},
      {"numpy[a,]", "\"\" is no extra's name"},
      {"numpy[a/b]", "path of a file"},
      {"numpy[a b]", "\"a b\" is no extra's name"},
      {"numpy[a][b]", "versions begin with =="},
      {"numpy;", "no marker"},
      {"numpy; ", "no marker"},
      // Not in front of a space that is put there.
      {"numpy;-r x", "\"-r x\" is no marker"},
      {"numpy;--index-url=x", "is no marker"},
      {"numpy;#x", "is no marker"},
      {"numpy;;x", "is no marker"},
      {"numpy; os_name == 'x", "a quote that is not closed"},
      {"numpy; os_name == \"x'", "a quote that is not closed"},
      {"a --hash=md5:" + std::string(32, 'a'), "of sha256, sha384 or sha512"},
      {"a --hash=sha256:" + std::string(63, 'a'), "of sha256, sha384 or sha512"},
      {"a --hash=sha256:" + std::string(64, 'g'), "of sha256, sha384 or sha512"},
      {"a --hash=sha256", "of sha256, sha384 or sha512"},
      {"a --hash sha256:" + std::string(64, 'a'), "\"--hash\""},
      {"a " + kSha256 + " b", "\"b\" stands behind an option"},
  };
  for (const auto& [line, what] : cases) EXPECT_THAT(WhyNot(line), HasSubstr(what)) << line;
}

TEST(ParseRequirementTest, IsBounded) {
  const std::string before = "a; x == '";
  const std::string longest =
      before + std::string(kMaxRequirementBytes - before.size() - 1, 'x') + "'";
  EXPECT_EQ(TextOf(longest), longest);
  EXPECT_THAT(WhyNot("a" + longest), HasSubstr("longer than 1024 bytes"));
  EXPECT_LT(WhyNot("a" + longest).size(), 200u);
  std::string hashed = "a==1";
  for (size_t i = 0; i < kMaxRequirementHashes; ++i) absl::StrAppend(&hashed, " ", kSha256);
  EXPECT_EQ(TextOf(hashed), hashed);
  EXPECT_THAT(WhyNot(hashed + " " + kSha256), HasSubstr("more than 256 hashes"));
}

}  // namespace
}  // namespace warren::testing
