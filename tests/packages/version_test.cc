#include "runtime/packages/version.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

Version V(const std::string& text) {
  auto version = Version::Parse(text);
  EXPECT_TRUE(version.ok()) << version.status();
  return version.value_or(Version());
}

// A line of versions.txt, which pip's own library made.
struct Line {
  bool equals_last = false;
  std::string spelling;
  std::string normal;
};

std::vector<Line> Lines() {
  std::vector<Line> lines;
  std::ifstream file("tests/packages/versions.txt");
  for (std::string text; std::getline(file, text);) {
    if (text.starts_with("#")) continue;
    std::istringstream words(text);
    std::string mark;
    Line line;
    words >> mark >> line.spelling >> line.normal;
    line.equals_last = mark == "=";
    lines.push_back(line);
  }
  return lines;
}

TEST(VersionTest, ReadsWhatPipReads) {
  const std::vector<Line> lines = Lines();
  ASSERT_GE(lines.size(), 60u);
  for (const Line& line : lines) {
    EXPECT_EQ(V(line.spelling).Text(), line.normal) << line.spelling;
    EXPECT_EQ(V(line.normal).Text(), line.normal);
    EXPECT_EQ(V(line.normal), V(line.spelling));
  }
}

// Each with each, by the place that it has in pip's order.
TEST(VersionTest, HasPipsOrder) {
  std::vector<Version> versions;
  std::vector<int> places;
  for (const Line& line : Lines()) {
    versions.push_back(V(line.spelling));
    places.push_back((places.empty() ? 0 : places.back()) + (line.equals_last ? 0 : 1));
  }
  ASSERT_GE(versions.size(), 60u);
  for (size_t a = 0; a < versions.size(); ++a) {
    for (size_t b = 0; b < versions.size(); ++b) {
      EXPECT_EQ(versions[a] <=> versions[b], places[a] <=> places[b])
          << versions[a].Text() << " and " << versions[b].Text();
    }
  }
}

TEST(VersionTest, ComparesLocalNumbersOfAnyLength) {
  const std::string digits(40, '9');
  EXPECT_LT(V("1+" + digits), V("1+1" + digits));
  EXPECT_EQ(V("1+000" + digits).Text(), "1+" + digits);
  EXPECT_EQ(V("1+0").Text(), "1+0");
  EXPECT_EQ(V("1+000").Text(), "1+0");
}

TEST(VersionTest, TakesSpacesAroundIt) { EXPECT_EQ(V(" 1.0\n").Text(), "1.0"); }

TEST(VersionTest, RefusesWhatIsNone) {
  const char* cases[] = {"",          " ",
                         "v",         "x",
                         "1.",        ".1",
                         "1..2",      "1.0 2",
                         "v v1",      "1!",
                         "!1",        "1!2!3",
                         "1.0+",      "1.0+a+b",
                         "1.0+a..b",  "1.0+-a",
                         "1.0+é",     "1.0a1b1",
                         "1.0dev1a1", "1.0.post1.post2",
                         "1.0--1",    "french toast",
                         "1.0/../2",  "-1",
                         "+1",        "1,0",
                         "1.0arc1",   "1.x",
                         "１"};
  for (const char* text : cases) {
    auto version = Version::Parse(text);
    EXPECT_FALSE(version.ok()) << text << " is " << version->Text();
  }
  EXPECT_FALSE(Version::Parse(std::string("1.0\0", 4)).ok());
  const absl::Status status = Version::Parse("1.0\x1b[2J").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"1.0\\x1b[2J\" is not a version"));
}

TEST(VersionTest, RefusesNumbersThatDoNotFit) {
  EXPECT_TRUE(Version::Parse("18446744073709551615!1.18446744073709551615").ok());
  const std::string large = "18446744073709551616";
  for (const char* before : {"", "1.", "1a", "1.post", "1-", "1.dev", "1!"}) {
    EXPECT_FALSE(Version::Parse(absl::StrCat(before, large)).ok()) << before;
  }
  EXPECT_FALSE(Version::Parse(large + "!1").ok());
}

TEST(VersionTest, IsBounded) {
  std::string text = "1";
  while (text.size() + 2 <= kMaxVersionBytes) text += ".1";
  EXPECT_TRUE(Version::Parse(text).ok());
  EXPECT_FALSE(Version::Parse(text + ".1").ok());
}

TEST(VersionTest, KnowsPrereleases) {
  for (const char* text : {"1a1", "1b1", "1rc1", "1.dev1", "1.post1.dev1"}) {
    EXPECT_TRUE(V(text).IsPrerelease()) << text;
  }
  for (const char* text : {"1", "1.post1", "1+a1", "1!0"}) {
    EXPECT_FALSE(V(text).IsPrerelease()) << text;
  }
}

}  // namespace
}  // namespace warren::testing
