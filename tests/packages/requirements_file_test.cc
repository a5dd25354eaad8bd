// requirements.txt and constraints.txt.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/packages/requirement.h"

namespace warren::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> TextsOf(absl::string_view file) {
  auto requirements = ParseRequirementsFile(file);
  EXPECT_TRUE(requirements.ok()) << requirements.status();
  std::vector<std::string> texts;
  if (!requirements.ok()) return texts;
  for (const Requirement& requirement : *requirements) texts.push_back(requirement.text);
  return texts;
}

std::string WhyNoFile(absl::string_view file) {
  const absl::Status status = ParseRequirementsFile(file).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << file;
  return std::string(status.message());
}

TEST(ParseRequirementsFileTest, ReadsLines) {
  EXPECT_THAT(TextsOf("numpy>=1.24\npandas\n"), ElementsAre("numpy>=1.24", "pandas"));
  EXPECT_THAT(TextsOf("numpy\r\npandas"), ElementsAre("numpy", "pandas"));
  EXPECT_THAT(TextsOf(""), IsEmpty());
  EXPECT_THAT(TextsOf("\n \n\t\n"), IsEmpty());
  EXPECT_THAT(TextsOf("\xef\xbb\xbfnumpy"), ElementsAre("numpy"));
}

TEST(ParseRequirementsFileTest, LeavesCommentsOut) {
  EXPECT_THAT(TextsOf("# für später\n  # more\nnumpy  # the best\npandas\t#x\n#"),
              ElementsAre("numpy", "pandas"));
  // One that begins within a word is none.
  EXPECT_THAT(WhyNoFile("numpy#x"), HasSubstr("\"numpy#x\" is no package's name"));
}

TEST(ParseRequirementsFileTest, PutsLinesTogether) {
  const std::string hash = "--hash=sha256:" + std::string(64, 'a');
  EXPECT_THAT(TextsOf(absl::StrCat("numpy==2.1.0 \\\n    ", hash, " \\\r\n    ", hash,
                                   "\n    # via pandas\nnum\\\npy\n")),
              ElementsAre(absl::StrCat("numpy==2.1.0 ", hash, " ", hash), "numpy"));
  // A comment ends what goes on, and does not go on itself.
  EXPECT_THAT(TextsOf("numpy \\\n# x \\\npandas"), ElementsAre("numpy", "pandas"));
  EXPECT_THAT(TextsOf("numpy \\"), ElementsAre("numpy"));
  EXPECT_THAT(TextsOf("numpy \\\n\npandas"), ElementsAre("numpy", "pandas"));
  EXPECT_THAT(WhyNoFile("numpy \\\n--pre"), HasSubstr("line 1: the option \"--pre\""));
  // A space behind it makes it a backslash.
  EXPECT_THAT(WhyNoFile("numpy \\ \npandas"), HasSubstr("line 1: \"numpy \\\\\" has a backslash"));
}

TEST(ParseRequirementsFileTest, NamesTheLine) {
  EXPECT_THAT(WhyNoFile("numpy\n\n-r other.txt\n"), HasSubstr("line 3: the option \"-r\""));
  EXPECT_THAT(WhyNoFile("numpy \\\n >=1\n-e ."), HasSubstr("line 3: the option \"-e\""));
  EXPECT_THAT(WhyNoFile("# x\npandas\\\n=1"), HasSubstr("line 2: \"=1\": versions"));
  EXPECT_THAT(WhyNoFile("numpy\npandas @ https://evil.test/"), HasSubstr("line 2: \"pandas @"));
}

TEST(ParseRequirementsFileTest, IsBounded) {
  std::string most;
  for (size_t i = 0; i < kMaxRequirements; ++i) absl::StrAppend(&most, "a", i, "\n");
  EXPECT_EQ(TextsOf(most).size(), kMaxRequirements);
  EXPECT_EQ(TextsOf(most + "\n# end\n").size(), kMaxRequirements);
  EXPECT_THAT(WhyNoFile(most + "one-more"), HasSubstr("line 257: there are more than 256"));
  EXPECT_THAT(TextsOf(std::string(kMaxRequirementsFileBytes, '\n')), IsEmpty());
  EXPECT_THAT(WhyNoFile(std::string(kMaxRequirementsFileBytes + 1, '\n')),
              HasSubstr("longer than 256 KiB"));
}

}  // namespace
}  // namespace warren::testing
