// Whoever alters the store's directory behind its back is found out.

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/store/test_store.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;

void Overwrite(const std::filesystem::path& path, const std::string& content) {
  struct stat info = {};
  ASSERT_EQ(::lstat(path.c_str(), &info), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  ASSERT_EQ(::chmod(path.c_str(), info.st_mode & 07777), 0);
}

struct Damage {
  const char* name;
  // To a directory of a package: manifest, and a tree with "d/a" ("content") and "b".
  std::function<void(const std::filesystem::path&)> inflict;
};

std::vector<Damage> Damages() {
  return {
      {"AlteredByte", [](auto& at) { Overwrite(at / "tree/d/a", "c0ntent"); }},
      {"Truncated", [](auto& at) { Overwrite(at / "tree/d/a", "conten"); }},
      {"Emptied", [](auto& at) { Overwrite(at / "tree/d/a", ""); }},
      {"Longer", [](auto& at) { Overwrite(at / "tree/d/a", "content!"); }},
      {"Removed", [](auto& at) { std::filesystem::remove(at / "tree/d/a"); }},
      {"RemovedDirectory", [](auto& at) { std::filesystem::remove_all(at / "tree/d"); }},
      {"RemovedTree", [](auto& at) { std::filesystem::remove_all(at / "tree"); }},
      {"ExtraFile", [](auto& at) { std::ofstream(at / "tree/d/extra") << "x"; }},
      {"ExtraDirectory", [](auto& at) { std::filesystem::create_directory(at / "tree/extra"); }},
      {"ExtraLink", [](auto& at) { std::filesystem::create_symlink("b", at / "tree/link"); }},
      {"Executable", [](auto& at) { ::chmod((at / "tree/b").c_str(), 0555); }},
      {"Writable", [](auto& at) { ::chmod((at / "tree/b").c_str(), 0666); }},
      {"Setuid", [](auto& at) { ::chmod((at / "tree/b").c_str(), 04444); }},
      {"LinkInItsPlace",
       [](auto& at) {
         std::filesystem::rename(at / "tree/d/a", at / "real");
         std::filesystem::create_symlink(at / "real", at / "tree/d/a");
       }},
      {"LinkInPlaceOfADirectory",
       [](auto& at) {
         std::filesystem::rename(at / "tree/d", at / "real");
         std::filesystem::create_symlink(at / "real", at / "tree/d");
       }},
      {"PipeInItsPlace",
       [](auto& at) {
         std::filesystem::remove(at / "tree/b");
         ::mkfifo((at / "tree/b").c_str(), 0444);
       }},
      {"NoManifest", [](auto& at) { std::filesystem::remove(at / "manifest"); }},
      {"EmptyManifest", [](auto& at) { Overwrite(at / "manifest", ""); }},
      {"AlteredManifest",
       [](auto& at) {
         std::string manifest = ContentOf(at / "manifest");
         manifest.back() = static_cast<char>(~manifest.back());
         Overwrite(at / "manifest", manifest);
       }},
      {"CutManifest",
       [](auto& at) {
         const std::string manifest = ContentOf(at / "manifest");
         Overwrite(at / "manifest", manifest.substr(0, manifest.size() / 2));
       }},
  };
}

class DamagedPackage : public ::testing::TestWithParam<Damage> {
 protected:
  void SetUp() override {
    ASSERT_EQ(CodeOf(store_.Add("demo", {{"d/a", "content"}, {"b", "more"}})), kOk);
    ASSERT_EQ(CodeOf(store_.Add("other", {{"o", "fine"}})), kOk);
    const internal::StoreReply made = store_.MakeSet({"demo", "other"}, request_);
    ASSERT_EQ(CodeOf(made), kOk);
    digest_ = made.set().digest();
  }
  void Inflict() { GetParam().inflict(store_.PackageTree("demo").parent_path()); }

  const std::string request_ = KeyOf("demo please");
  std::string digest_;
  TestStore store_;
};

TEST_P(DamagedPackage, IsGoneAfterARestart) {
  store_.Stop();
  Inflict();
  store_.Start();
  EXPECT_EQ(CodeOf(store_.FindResolution(request_)), kNotFound);
  EXPECT_EQ(CodeOf(store_.Use(digest_)), kNotFound);
  EXPECT_THAT(store_.Missing({"demo", "other"}), ElementsAre("demo"));
  EXPECT_EQ(CodeOf(store_.MakeSet({"demo", "other"})), absl::StatusCode::kFailedPrecondition);
  // And can come again.
  EXPECT_EQ(CodeOf(store_.Add("demo", {{"d/a", "content"}, {"b", "more"}})), kOk);
  EXPECT_EQ(CodeOf(store_.MakeSet({"demo", "other"})), kOk);
  EXPECT_EQ(ContentOf(store_.SetTree(digest_) / "d/a"), "content");
}

TEST_P(DamagedPackage, AddedAgainAfterARestartIsRead) {
  store_.Stop();
  Inflict();
  store_.Start();
  EXPECT_EQ(CodeOf(store_.Add("demo", {{"d/a", "content"}, {"b", "more"}})), kOk);
  EXPECT_EQ(ContentOf(store_.PackageTree("demo") / "d/a"), "content");
}

TEST_P(DamagedPackage, IsFoundWhenAllIsVerified) {
  ASSERT_EQ(CodeOf(store_.Use(digest_)), kOk);
  Inflict();
  const internal::StoreVerified verified = store_.Verify();
  EXPECT_EQ(verified.packages(), 1);
  EXPECT_THAT(verified.removed(), ElementsAre("demo 1.0"));
  EXPECT_EQ(CodeOf(store_.Use(digest_)), kNotFound);
  EXPECT_EQ(store_.List().sets_size(), 0);
  EXPECT_EQ(store_.Verify().removed_size(), 0);
}

INSTANTIATE_TEST_SUITE_P(Table, DamagedPackage, ::testing::ValuesIn(Damages()),
                         [](const auto& test) { return std::string(test.param.name); });

struct SetDamage {
  const char* name;
  // To the set's directory: its record, and a tree with "d/a" and "b".
  std::function<void(const std::filesystem::path&)> inflict;
};

std::vector<SetDamage> SetDamages() {
  return {
      {"Removed", [](auto& at) { std::filesystem::remove(at / "tree/d/a"); }},
      {"RemovedTree", [](auto& at) { std::filesystem::remove_all(at / "tree"); }},
      {"ExtraFile", [](auto& at) { std::ofstream(at / "tree/extra.py") << "x"; }},
      {"ExtraLink", [](auto& at) { std::filesystem::create_symlink("/etc", at / "tree/etc"); }},
      {"AnotherFile",
       [](auto& at) {
         std::filesystem::remove(at / "tree/b");
         std::ofstream(at / "tree/b") << "evil";
       }},
      {"LinkInItsPlace",
       [](auto& at) {
         std::filesystem::remove(at / "tree/b");
         std::filesystem::create_symlink("d/a", at / "tree/b");
       }},
      {"AnotherOfItsFiles",
       [](auto& at) {
         std::filesystem::remove(at / "tree/b");
         std::filesystem::create_hard_link(at / "tree/d/a", at / "tree/b");
       }},
  };
}

class DamagedSet : public ::testing::TestWithParam<SetDamage> {
 protected:
  void SetUp() override {
    ASSERT_EQ(CodeOf(store_.Add("demo", {{"d/a", "content"}, {"b", "more"}})), kOk);
    digest_ = store_.MakeSet({"demo"}, request_).set().digest();
  }
  void Inflict() { GetParam().inflict(store_.SetTree(digest_).parent_path()); }
  void ExpectWhole() {
    const std::filesystem::path tree = store_.SetTree(digest_);
    EXPECT_EQ(ContentOf(tree / "d/a"), "content");
    EXPECT_EQ(ContentOf(tree / "b"), "more");
    EXPECT_FALSE(std::filesystem::is_symlink(tree / "b"));
    EXPECT_FALSE(std::filesystem::exists(tree / "extra.py"));
    EXPECT_FALSE(std::filesystem::exists(tree / "etc"));
  }

  const std::string request_ = KeyOf("demo please");
  std::string digest_;
  TestStore store_;
};

TEST_P(DamagedSet, IsMadeAgainAfterARestart) {
  store_.Stop();
  Inflict();
  store_.Start();
  const internal::StoreReply found = store_.FindResolution(request_);
  EXPECT_EQ(CodeOf(found), kOk) << found.message();
  ExpectWhole();
  EXPECT_EQ(CodeOf(store_.Use(digest_)), kOk);
}

TEST_P(DamagedSet, IsMadeAgainWhenAllIsVerified) {
  Inflict();
  const internal::StoreVerified verified = store_.Verify();
  EXPECT_EQ(verified.packages(), 1);
  EXPECT_THAT(verified.removed(), IsEmpty());
  ExpectWhole();
}

INSTANTIATE_TEST_SUITE_P(Table, DamagedSet, ::testing::ValuesIn(SetDamages()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(DamagedStore, StrangeThingsAreRemovedAtItsStart) {
  TestStore store;
  store.Stop();
  const std::filesystem::path root = store.directory();
  std::ofstream(root / "packages" / "a file") << "x";
  std::filesystem::create_directory(root / "packages" / KeyOf("empty"));
  std::filesystem::create_symlink("/etc", root / "packages" / KeyOf("link"));
  std::filesystem::create_directory(root / "sets" / KeyOf("empty"));
  std::filesystem::create_symlink("/etc", root / "sets" / KeyOf("link"));
  std::ofstream(root / "resolutions" / KeyOf("empty"));
  std::filesystem::create_directory(root / "resolutions" / KeyOf("directory"));
  std::filesystem::create_symlink("/etc", root / "tmp" / "link");
  store.Start();
  EXPECT_EQ(store.List().packages_size(), 0);
  for (const char* folder : {"packages", "sets", "resolutions"})
    EXPECT_TRUE(std::filesystem::is_empty(root / folder)) << folder;
  EXPECT_TRUE(std::filesystem::exists("/etc/passwd"));
}

TEST(DamagedStore, SetWithoutAPackageIsRemovedAtItsStart) {
  TestStore store;
  ASSERT_EQ(CodeOf(store.Add("demo", {{"a", "1"}})), kOk);
  const std::string digest = store.MakeSet({"demo"}).set().digest();
  store.Stop();
  RemoveTestDirectory(store.directory() / "packages" / KeyOf("demo"));
  store.Start();
  EXPECT_EQ(CodeOf(store.Use(digest)), kNotFound);
  EXPECT_EQ(store.List().sets_size(), 0);
}

TEST(DamagedStore, DirectoryThatIsALinkIsRefused) {
  TestStore store;
  store.Stop();
  RemoveTestDirectory(store.directory() / "packages");
  std::filesystem::create_symlink("/tmp", store.directory() / "packages");
  store.Start();
  EXPECT_FALSE(store.Ended().ok());
}

}  // namespace
}  // namespace warren
