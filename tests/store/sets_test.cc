// Sets of packages and resolutions.

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/store/test_store.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ino_t InodeOf(const std::filesystem::path& path) {
  struct stat info = {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_ino;
}

class StoreSets : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(CodeOf(store_.Add("one", {{"one/a", "1"}, {"shared", "of one"}})), kOk);
    ASSERT_EQ(CodeOf(store_.Add("two", {{"two/b", "2"}, {"shared", "of two"}, {"one/c", "3"}})),
              kOk);
  }
  TestStore store_;
};

TEST_F(StoreSets, AreLinksToTheFilesOfTheirPackages) {
  const internal::StoreReply reply = store_.MakeSet({"one", "two"});
  ASSERT_EQ(CodeOf(reply), kOk) << reply.message();
  EXPECT_EQ(reply.set().packages_size(), 2);
  EXPECT_EQ(reply.set().packages(1).files(), 3);
  EXPECT_EQ(reply.set().size(), 9);
  EXPECT_THAT(reply.set().conflicts(), ElementsAre("shared"));
  const std::filesystem::path tree = store_.SetTree(reply.set().digest());
  EXPECT_EQ(InodeOf(tree / "one/a"), InodeOf(store_.PackageTree("one") / "one/a"));
  EXPECT_EQ(InodeOf(tree / "one/c"), InodeOf(store_.PackageTree("two") / "one/c"));
  EXPECT_EQ(ContentOf(tree / "shared"), "of one");
  EXPECT_EQ(ContentOf(tree / "two/b"), "2");
}

TEST_F(StoreSets, OrderMakesAnotherSet) {
  const internal::StoreReply first = store_.MakeSet({"one", "two"});
  const internal::StoreReply second = store_.MakeSet({"two", "one"});
  EXPECT_NE(first.set().digest(), second.set().digest());
  EXPECT_EQ(ContentOf(store_.SetTree(second.set().digest()) / "shared"), "of two");
}

TEST_F(StoreSets, SameAgainIsTheSameSet) {
  const internal::StoreReply first = store_.MakeSet({"one", "two"});
  const ino_t inode = InodeOf(store_.SetTree(first.set().digest()));
  const internal::StoreReply second = store_.MakeSet({"one", "two"});
  EXPECT_EQ(CodeOf(second), kOk);
  EXPECT_EQ(second.set().digest(), first.set().digest());
  EXPECT_EQ(InodeOf(store_.SetTree(first.set().digest())), inode);
}

TEST_F(StoreSets, SameAtOnceIsMadeOnce) {
  internal::StoreRequest request;
  *request.mutable_make_set()->mutable_set()->add_packages() = PackageNamed("one");
  const uint64_t first = store_.Send(request);
  const uint64_t second = store_.Send(request);
  const internal::StoreReply replies[] = {store_.Await(first), store_.Await(second)};
  EXPECT_EQ(CodeOf(replies[0]), kOk) << replies[0].message();
  EXPECT_EQ(CodeOf(replies[1]), kOk) << replies[1].message();
  EXPECT_EQ(store_.List().sets_size(), 1);
}

TEST_F(StoreSets, SetOfNothingIsEmpty) {
  const internal::StoreReply reply = store_.MakeSet({});
  ASSERT_EQ(CodeOf(reply), kOk);
  EXPECT_TRUE(std::filesystem::is_empty(store_.SetTree(reply.set().digest())));
  EXPECT_EQ(CodeOf(store_.Use(reply.set().digest())), kOk);
}

TEST_F(StoreSets, MissingPackageIsNamed) {
  const internal::StoreReply reply = store_.MakeSet({"one", "three"});
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(reply.message(), HasSubstr("three 1.0"));
  EXPECT_EQ(store_.List().sets_size(), 0);
}

TEST_F(StoreSets, FileWithTooManyLinksIsCopied) {
  // ext4 has 65000 of a file, and others more than a test can make.
  const std::filesystem::path file = store_.PackageTree("one") / "one/a";
  const std::filesystem::path links = MakeTestDirectory();
  bool full = false;
  for (int i = 0; i < 70'000 && !full; ++i)
    full = ::link(file.c_str(), (links / std::to_string(i)).c_str()) != 0;
  if (full) {
    const internal::StoreReply reply = store_.MakeSet({"one"});
    EXPECT_EQ(CodeOf(reply), kOk) << reply.message();
    const std::filesystem::path copy = store_.SetTree(reply.set().digest()) / "one/a";
    EXPECT_EQ(ContentOf(copy), "1");
    EXPECT_NE(InodeOf(copy), InodeOf(file));
    store_.Restart();
    EXPECT_EQ(CodeOf(store_.Use(reply.set().digest())), kOk);
    EXPECT_NE(InodeOf(copy), InodeOf(file));
  }
  RemoveTestDirectory(links);
}

TEST_F(StoreSets, UsesAreCountedAndListed) {
  const std::string digest = store_.MakeSet({"one"}).set().digest();
  EXPECT_EQ(CodeOf(store_.Use(digest)), kOk);
  EXPECT_EQ(CodeOf(store_.Use(digest)), kOk);
  internal::StoreContents contents = store_.List();
  ASSERT_EQ(contents.sets_size(), 1);
  EXPECT_EQ(contents.sets(0).uses(), 2);
  EXPECT_GT(contents.sets(0).used_at(), 0);
  EXPECT_EQ(contents.packages_size(), 2);
  EXPECT_EQ(contents.max_bytes(), TestStore::kRoomy);
  EXPECT_EQ(CodeOf(store_.Release(digest)), kOk);
  EXPECT_EQ(CodeOf(store_.Release(digest)), kOk);
  EXPECT_EQ(CodeOf(store_.Release(digest)), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(store_.Use(KeyOf("no set"))), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(store_.Release(KeyOf("no set"))), absl::StatusCode::kNotFound);
}

TEST_F(StoreSets, UsesAreOfOneConnection) {
  const std::string digest = store_.MakeSet({"one"}).set().digest();
  EXPECT_EQ(CodeOf(store_.Use(digest)), kOk);
  store_.Restart();
  EXPECT_EQ(store_.List().sets(0).uses(), 0);
}

TEST_F(StoreSets, ResolutionIsRemembered) {
  const std::string request = KeyOf("one please");
  EXPECT_EQ(CodeOf(store_.FindResolution(request)), absl::StatusCode::kNotFound);
  const internal::StoreReply made = store_.MakeSet({"one"}, request);
  for (int life = 0; life < 2; ++life) {
    const internal::StoreReply found = store_.FindResolution(request);
    ASSERT_EQ(CodeOf(found), kOk) << found.message();
    EXPECT_EQ(found.found().digest(), made.set().digest());
    EXPECT_EQ(found.found().packages(0).name(), "one");
    store_.Restart();
  }
}

TEST_F(StoreSets, ResolutionEndsWithItsTimeAndWithItsSet) {
  const std::string request = KeyOf("one please");
  store_.MakeSet({"one"}, request, 1);
  EXPECT_TRUE(Eventually(
      [&] { return CodeOf(store_.FindResolution(request)) == absl::StatusCode::kNotFound; }));
  store_.MakeSet({"one"}, request);
  EXPECT_EQ(CodeOf(store_.FindResolution(request)), kOk);
  EXPECT_EQ(store_.Prune(0).sets(), 1);
  EXPECT_EQ(CodeOf(store_.FindResolution(request)), absl::StatusCode::kNotFound);
  store_.Restart();
  EXPECT_EQ(CodeOf(store_.FindResolution(request)), absl::StatusCode::kNotFound);
}

TEST_F(StoreSets, SecondOfSeveralSetsForARequestCounts) {
  const std::string request = KeyOf("something please");
  store_.MakeSet({"one"}, request);
  const internal::StoreReply second = store_.MakeSet({"two"}, request);
  EXPECT_EQ(store_.FindResolution(request).found().digest(), second.set().digest());
  store_.Restart();
  EXPECT_EQ(store_.FindResolution(request).found().digest(), second.set().digest());
}

}  // namespace
}  // namespace warren
