// What goes when the store is full, and what is pruned.

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/store/test_store.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A package of these tests: its tree, and a file.
constexpr int64_t kPackageBytes = 10 * 4096;

std::string Content() { return std::string(9 * 4096, 'x'); }

// Room for three, and a few directories of sets.
class StoreEviction : public ::testing::Test {
 protected:
  internal::StoreReply Add(const std::string& name) {
    return store_.Add(name, {{absl::StrCat(name, ".py"), Content()}});
  }
  TestStore store_{3 * kPackageBytes + 3 * 4096};
};

TEST_F(StoreEviction, LeastRecentlyUsedPackageGoes) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(CodeOf(Add(name)), kOk);
  EXPECT_THAT(store_.Missing({"a"}), IsEmpty());
  ASSERT_EQ(CodeOf(Add("d")), kOk);
  EXPECT_THAT(store_.Missing({"a", "b", "c", "d"}), ElementsAre("b"));
  EXPECT_TRUE(Eventually([&] { return store_.List().bytes() == 3 * kPackageBytes; }));
  EXPECT_FALSE(std::filesystem::exists(store_.PackageTree("b")));
}

TEST_F(StoreEviction, OrderOutlivesTheProcess) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(CodeOf(Add(name)), kOk);
  EXPECT_THAT(store_.Missing({"a"}), IsEmpty());
  store_.Restart();
  ASSERT_EQ(CodeOf(Add("d")), kOk);
  EXPECT_THAT(store_.Missing({"a", "b", "c", "d"}), ElementsAre("b"));
}

TEST_F(StoreEviction, WhatIsInUseStays) {
  for (const char* name : {"a", "b"}) ASSERT_EQ(CodeOf(Add(name)), kOk);
  const std::string used = store_.MakeSet({"a", "b"}).set().digest();
  ASSERT_EQ(CodeOf(store_.Use(used)), kOk);
  ASSERT_EQ(CodeOf(Add("c")), kOk);
  ASSERT_EQ(CodeOf(Add("d")), kOk);
  EXPECT_THAT(store_.Missing({"a", "b", "c", "d"}), ElementsAre("c"));
  EXPECT_EQ(ContentOf(store_.SetTree(used) / "a.py"), Content());
}

TEST_F(StoreEviction, StoreFullOfWhatIsInUseSaysSo) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(CodeOf(Add(name)), kOk);
  const std::string used = store_.MakeSet({"a", "b", "c"}).set().digest();
  ASSERT_EQ(CodeOf(store_.Use(used)), kOk);
  const internal::StoreReply reply = Add("d");
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(reply.message(), HasSubstr("the package store is full"));
  EXPECT_THAT(store_.Missing({"a", "b", "c"}), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(store_.directory() / "tmp"));
  // And there is room when it is released.
  ASSERT_EQ(CodeOf(store_.Release(used)), kOk);
  EXPECT_EQ(CodeOf(Add("d")), kOk);
}

TEST_F(StoreEviction, PackageThatNeverFitsEvictsNothingForItsLastByte) {
  for (const char* name : {"a", "b"}) ASSERT_EQ(CodeOf(Add(name)), kOk);
  // Its size is known before its first byte.
  const internal::StoreReply reply = store_.Add("large", {{"f", std::string(200'000, 'x')}});
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(store_.Missing({"a", "b"}), IsEmpty());
}

TEST_F(StoreEviction, SmallerStoreShrinksAtItsStart) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(CodeOf(Add(name)), kOk);
  store_.Stop();
  store_.SetMaxBytes(kPackageBytes);
  store_.Start();
  EXPECT_TRUE(Eventually([&] { return store_.List().bytes() == kPackageBytes; }));
  EXPECT_THAT(store_.Missing({"a", "b", "c"}), ElementsAre("a", "b"));
}

TEST_F(StoreEviction, PruneTakesWhatIsUnusedForSoLong) {
  for (const char* name : {"a", "b"}) ASSERT_EQ(CodeOf(Add(name)), kOk);
  const std::string used = store_.MakeSet({"a"}).set().digest();
  ASSERT_EQ(CodeOf(store_.MakeSet({"b"})), kOk);
  ASSERT_EQ(CodeOf(store_.Use(used)), kOk);
  internal::StorePruned pruned = store_.Prune(3600);
  EXPECT_EQ(pruned.packages() + pruned.sets(), 0);
  pruned = store_.Prune(0);
  EXPECT_EQ(pruned.packages(), 1);
  EXPECT_EQ(pruned.sets(), 1);
  EXPECT_EQ(pruned.bytes(), kPackageBytes + 4096);
  // Off the disk when the answer is there.
  EXPECT_TRUE(std::filesystem::is_empty(store_.directory() / "tmp"));
  EXPECT_THAT(store_.Missing({"a", "b"}), ElementsAre("b"));
  EXPECT_EQ(CodeOf(store_.Use(used)), kOk);
  EXPECT_EQ(store_.Prune(std::numeric_limits<int64_t>::max()).packages(), 0);
}

TEST_F(StoreEviction, FailedPackageGivesItsRoomBack) {
  for (int i = 0; i < 20; ++i) {
    TestStore::Adding adding = store_.BeginAdd("broken");
    const std::string stream = StreamOf({{"f", Content()}});
    SendAll(adding.builder.get(), stream.substr(0, stream.size() - 1));
    adding.builder.reset();
    EXPECT_EQ(CodeOf(store_.Await(adding.id)), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(store_.List().bytes(), 0);
}

}  // namespace
}  // namespace warren
