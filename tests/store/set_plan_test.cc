#include "runtime/store/set_plan.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/store/sha256.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

internal::PackageManifest Manifest(const std::vector<std::pair<std::string, std::string>>& files) {
  internal::PackageManifest manifest;
  for (const auto& [path, content] : files) {
    internal::ManifestFile& file = *manifest.add_files();
    file.set_path(path);
    file.set_size(static_cast<int64_t>(content.size()));
    file.set_sha256(Sha256Of(content));
  }
  return manifest;
}

SetPlan PlanOf(const std::vector<internal::PackageManifest>& packages) {
  absl::StatusOr<SetPlan> plan = PlanSet(packages);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *std::move(plan);
}

TEST(SetPlan, JoinsPackages) {
  const SetPlan plan =
      PlanOf({Manifest({{"a/one", "1"}, {"b", "22"}}), Manifest({{"a/two", "3"}})});
  EXPECT_THAT(plan.files, ElementsAre(ElementsAre(0, 1), ElementsAre(0)));
  EXPECT_THAT(plan.conflicts, IsEmpty());
  EXPECT_EQ(plan.size, 4);
  EXPECT_EQ(plan.file_count, 3);
  EXPECT_EQ(plan.directory_count, 1);
}

TEST(SetPlan, FirstPackageHasThePathThatSeveralHave) {
  const SetPlan plan = PlanOf(
      {Manifest({{"a", "first"}, {"same", "x"}}), Manifest({{"a", "second"}, {"same", "x"}})});
  EXPECT_THAT(plan.files, ElementsAre(ElementsAre(0, 1), IsEmpty()));
  EXPECT_THAT(plan.conflicts, ElementsAre("a"));
  EXPECT_EQ(plan.size, 6);
}

TEST(SetPlan, FirstPackageHasThePathThatIsAFileAndADirectory) {
  const SetPlan file_first =
      PlanOf({Manifest({{"a", "file"}}), Manifest({{"a/b", "1"}, {"a/c", "2"}, {"d", "3"}})});
  EXPECT_THAT(file_first.files, ElementsAre(ElementsAre(0), ElementsAre(2)));
  EXPECT_THAT(file_first.conflicts, ElementsAre("a"));
  EXPECT_EQ(file_first.directory_count, 0);
  const SetPlan directory_first = PlanOf({Manifest({{"a/b", "1"}}), Manifest({{"a", "file"}})});
  EXPECT_THAT(directory_first.files, ElementsAre(ElementsAre(0), IsEmpty()));
  EXPECT_THAT(directory_first.conflicts, ElementsAre("a"));
}

TEST(SetPlan, NamesSoManyConflictsAndNoMore) {
  std::vector<std::pair<std::string, std::string>> first;
  std::vector<std::pair<std::string, std::string>> second;
  for (int i = 0; i < 40; ++i) {
    first.emplace_back("f" + std::to_string(i), "1");
    second.emplace_back("f" + std::to_string(i), "2");
  }
  const SetPlan plan = PlanOf({Manifest(first), Manifest(second)});
  EXPECT_THAT(plan.conflicts, SizeIs(kMaxConflicts));
  EXPECT_EQ(plan.file_count, 40);
}

TEST(SetPlan, DigestIsOfTheKeysInTheirOrder) {
  google::protobuf::RepeatedPtrField<internal::StoredPackage> packages;
  packages.Add()->set_key("aa");
  packages.Add()->set_key("bb");
  EXPECT_EQ(SetDigest(packages), absl::BytesToHexString(Sha256Of("warren set 1\naa\nbb\n")));
  packages.SwapElements(0, 1);
  EXPECT_EQ(SetDigest(packages), absl::BytesToHexString(Sha256Of("warren set 1\nbb\naa\n")));
}

}  // namespace
}  // namespace warren
