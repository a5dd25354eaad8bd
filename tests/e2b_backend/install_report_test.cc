#include "supervisor/e2b/commands/install_report.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

const std::string kDigest(64, 'a');

std::string ReportOf(const std::string& name, const std::string& version,
                     const std::string& archive) {
  return absl::StrCat(R"({"version":"1","install":[{"metadata":{"name":")", name,
                      R"(","version":")", version, R"("},"download_info":{"archive_info":)",
                      archive, "}}]}");
}

TEST(InstallReport, NamesWhatWouldBeInstalledInEitherForm) {
  for (const std::string& archive : {absl::StrCat(R"({"hashes":{"sha256":")", kDigest, R"("}})"),
                                     absl::StrCat(R"({"hash":"sha256=)", kDigest, R"("})")}) {
    auto plan = ReadInstallReport(ReportOf("My_Package", "1.2", archive));
    ASSERT_TRUE(plan.ok()) << plan.status();
    ASSERT_EQ(plan->size(), 1u);
    EXPECT_EQ(plan->front().name, "my-package");
    EXPECT_EQ(PinnedRequirements(*plan),
              absl::StrCat("my-package==1.2 --hash=sha256:", kDigest, "\n"));
  }
  auto nothing = ReadInstallReport(R"({"install":[]})");
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->empty());
}

// What it says goes into the next pip's requirements.
TEST(InstallReport, LinesThatAreNoneAreRefused) {
  const std::string archive = absl::StrCat(R"({"hashes":{"sha256":")", kDigest, R"("}})");
  EXPECT_FALSE(ReadInstallReport(ReportOf("a\\n--index-url http://x", "1", archive)).ok());
  EXPECT_FALSE(ReadInstallReport(ReportOf("a", "1\\n-e .", archive)).ok());
  EXPECT_FALSE(ReadInstallReport(ReportOf("a", "1", "{}")).ok());
  EXPECT_FALSE(ReadInstallReport(ReportOf("a", "1", R"({"hashes":{"sha256":"abc"}})")).ok());
  for (const char* text : {"", "[]", "{}", R"({"install":{}})", R"({"install":[1]})"})
    EXPECT_FALSE(ReadInstallReport(text).ok()) << text;
}

TEST(InstallReport, ThePolicyDecidesAboutEachOfThem) {
  config::PackagePolicy policy;
  policy.add_allow()->set_requirement("hopper<2");
  policy.add_deny()->set_requirement("turing");
  auto rules = PackageRules::Compile(policy);
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_TRUE(
      CheckPlan({{"hopper", "1.0", kDigest}, {"lovelace", "3", kDigest}}, {"hopper"}, *rules).ok());
  const absl::Status denied =
      CheckPlan({{"hopper", "2.0", kDigest}, {"turing", "1", kDigest}}, {"hopper"}, *rules);
  EXPECT_TRUE(absl::IsPermissionDenied(denied));
  EXPECT_THAT(std::string(denied.message()), HasSubstr("hopper 2.0"));
  EXPECT_THAT(std::string(denied.message()), HasSubstr("turing"));
}

TEST(InstallReport, PipsLastWordsAreTheReason) {
  const absl::Status none =
      StatusOfPip("WARNING: old\nERROR: Could not find it\nERROR: No matching distribution\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(none));
  EXPECT_THAT(std::string(none.message()), HasSubstr("No matching distribution"));
  EXPECT_TRUE(absl::IsUnavailable(StatusOfPip("x NewConnectionError y\nERROR: none found\n")));
  EXPECT_LT(StatusOfPip(absl::StrCat("ERROR: ", std::string(100000, 'x'))).message().size(), 1000u);
}

}  // namespace
}  // namespace warren
