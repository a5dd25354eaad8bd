#include "runtime/packages/version_specifier.h"

#include <gmock/gmock.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

bool Fits(absl::string_view specifier, absl::string_view version) {
  auto parsed = VersionSpecifier::Parse(specifier);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  auto of = Version::Parse(version);
  EXPECT_TRUE(of.ok()) << of.status();
  return parsed.ok() && of.ok() && parsed->Fits(*of);
}

// specifiers.txt is made by pip's own library.
TEST(VersionSpecifierTest, DecidesAsPipDoes) {
  std::ifstream file("tests/packages/specifiers.txt");
  int checked = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    const std::vector<std::string> parts = absl::StrSplit(line, " | ");
    ASSERT_EQ(parts.size(), 3u) << line;
    EXPECT_EQ(Fits(parts[0], parts[1]), parts[2] == "yes") << line;
    ++checked;
  }
  EXPECT_GE(checked, 150);
}

// PEP 440 fills up with zeros, and reads "v01.2" as "1.2", wherever it compares; pip's library
// compares prefixes as they are written.
TEST(VersionSpecifierTest, ComparesPrefixesByTheirNumbers) {
  EXPECT_TRUE(Fits("==1.0.*", "1a1"));
  EXPECT_TRUE(Fits("==1.0.0.*", "1.0.post1"));
  EXPECT_TRUE(Fits("==v1.01.*", "1.1.7"));
  EXPECT_TRUE(Fits("~=v2.0", "2.7"));
  EXPECT_TRUE(Fits("==0!2.*", "2.7"));
  EXPECT_FALSE(Fits("==1.0.0.*", "1.0.1"));
}

TEST(VersionSpecifierTest, IsEmptyForNoClause) {
  for (const char* text : {"", " ", "\t"}) {
    auto specifier = VersionSpecifier::Parse(text);
    ASSERT_TRUE(specifier.ok());
    EXPECT_TRUE(specifier->empty());
  }
  EXPECT_FALSE(VersionSpecifier::Parse(">1")->empty());
}

TEST(VersionSpecifierTest, RefusesWhatIsNone) {
  const char* cases[] = {"1.0",       "=1.0",     "=>1.0",       ">",         ">=",
                         "==",        "===",      "=== ",        ">=1.0,",    ",>=1.0",
                         ">=1.0,,<2", ">=1.0 <2", "> = 1",       "==1.*.2",   ">=1.*",
                         "~=1.*",     "~=1",      "~=1!2",       "==1.0a1.*", "==1.0.post1.*",
                         "==1.0+x.*", ">=1.0+x",  "~=1.0+x",     "<1.0+x",    "==.*",
                         "==*",       "==1 .*",   "!1.0",        "==abc",     "==1.0;x",
                         "==1.0)",    "==${V}",   "===$x",       "===a[b]",   "===a/b",
                         "===a b",    "===\"a\"", ">=1.0\n--pre"};
  for (const char* text : cases) {
    EXPECT_FALSE(VersionSpecifier::Parse(text).ok()) << text;
  }
}

TEST(VersionSpecifierTest, NamesTheClause) {
  const auto message = [](absl::string_view text) {
    const absl::Status status = VersionSpecifier::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(status.message());
  };
  EXPECT_THAT(message(">=1.24,=3"), HasSubstr("\"=3\": versions begin with =="));
  EXPECT_THAT(message(">=1.24,<three"), HasSubstr("\"<three\": \"three\" is not a version"));
  EXPECT_THAT(message("~=2"), HasSubstr("\"~=2\": ~= takes a release of two numbers"));
  EXPECT_THAT(message(">=1+x"), HasSubstr("\">=1+x\": only == and !="));
}

}  // namespace
}  // namespace warren::testing
