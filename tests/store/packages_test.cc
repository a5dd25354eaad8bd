// Packages that come, by the store's own words.

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/store/store_directory.h"
#include "tests/store/test_store.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mode_t ModeOf(const std::filesystem::path& path) {
  struct stat info = {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

bool IsEmptyDirectory(const std::filesystem::path& path) { return std::filesystem::is_empty(path); }

TEST(StorePackages, AreWrittenAsTheyCome) {
  TestStore store;
  const std::string large(300'000, 'x');
  const internal::StoreReply reply = store.Add(
      "demo", {{"demo/__init__.py", "x = 1\n"}, {"bin/tool", large, true}, {"empty", ""}});
  ASSERT_EQ(CodeOf(reply), kOk) << reply.message();
  EXPECT_EQ(reply.added().name(), "demo");
  EXPECT_EQ(reply.added().size(), 300'006);
  EXPECT_EQ(reply.added().files(), 3);
  const std::filesystem::path tree = store.PackageTree("demo");
  EXPECT_EQ(ContentOf(tree / "demo/__init__.py"), "x = 1\n");
  EXPECT_EQ(ContentOf(tree / "bin/tool"), large);
  EXPECT_EQ(ContentOf(tree / "empty"), "");
  EXPECT_EQ(ModeOf(tree / "demo/__init__.py"), 0444u);
  EXPECT_EQ(ModeOf(tree / "bin/tool"), 0555u);
  EXPECT_EQ(ModeOf(tree / "bin"), 0755u);
  EXPECT_TRUE(IsEmptyDirectory(store.directory() / "tmp"));
  EXPECT_THAT(store.Missing({"demo", "other"}), ElementsAre("other"));
}

TEST(StorePackages, OneThatIsThereIsNotReadAgain) {
  TestStore store;
  ASSERT_EQ(CodeOf(store.Add("demo", {{"a", "first"}})), kOk);
  // Nothing is sent.
  const TestStore::Adding again = store.BeginAdd("demo");
  EXPECT_EQ(CodeOf(store.Await(again.id)), kOk);
  EXPECT_EQ(ContentOf(store.PackageTree("demo") / "a"), "first");
}

TEST(StorePackages, TwoOfOneKeyShareWhatComes) {
  TestStore store;
  TestStore::Adding first = store.BeginAdd("demo");
  TestStore::Adding second = store.BeginAdd("demo");
  SendAll(first.builder.get(), StreamOf({{"a", "first"}}));
  EXPECT_EQ(CodeOf(store.Await(first.id)), kOk);
  EXPECT_EQ(CodeOf(store.Await(second.id)), kOk);
  EXPECT_EQ(ContentOf(store.PackageTree("demo") / "a"), "first");
}

TEST(StorePackages, SecondOfOneKeyIsReadWhereTheFirstFails) {
  TestStore store;
  TestStore::Adding first = store.BeginAdd("demo");
  TestStore::Adding second = store.BeginAdd("demo");
  SendAll(second.builder.get(), StreamOf({{"a", "second"}}));
  first.builder.reset();
  EXPECT_EQ(CodeOf(store.Await(first.id)), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(store.Await(second.id)), kOk);
  EXPECT_EQ(ContentOf(store.PackageTree("demo") / "a"), "second");
}

TEST(StorePackages, WhatFailsLeavesNothing) {
  TestStore store;
  const std::string good = StreamOf({{"a", "1"}, {"d/b", std::string(200'000, 'x')}});
  internal::AddPackage add;
  *add.mutable_package() = PackageNamed("demo");
  const std::vector<std::string> streams = {
      StreamOf({{"a", "1"}, {"../b", "2"}}),
      StreamOf({{"a", "1"}, {"a/b", "2"}}),
      StreamOf({{"a", "1"}, {"a", "2"}}),
      std::string("\xff\xff\xff\xff"),
  };
  for (const std::string& stream : streams) {
    const internal::StoreReply reply = store.Add(add, stream);
    EXPECT_EQ(CodeOf(reply), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(reply.message(), HasSubstr("the builder sent"));
  }
  TestStore::Adding cut = store.BeginAdd("demo");
  SendAll(cut.builder.get(), good.substr(0, good.size() - 1));
  cut.builder.reset();
  const internal::StoreReply reply = store.Await(cut.id);
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kUnavailable);
  EXPECT_THAT(reply.message(), HasSubstr("ended before the package did"));
  EXPECT_TRUE(IsEmptyDirectory(store.directory() / "tmp"));
  EXPECT_TRUE(IsEmptyDirectory(store.directory() / "packages"));
  EXPECT_EQ(store.List().bytes(), 0);
}

TEST(StorePackages, BoundsAreThoseOfTheRequest) {
  TestStore store;
  internal::AddPackage add;
  *add.mutable_package() = PackageNamed("demo");
  add.set_max_bytes(10);
  internal::StoreReply reply = store.Add(add, StreamOf({{"a", "12345678901"}}));
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(reply.message(), HasSubstr("more than 10 bytes"));
  add.set_max_files(1);
  reply = store.Add(add, StreamOf({{"a", "1"}, {"b", "2"}}));
  EXPECT_THAT(reply.message(), HasSubstr("more than 1 files"));
  EXPECT_EQ(CodeOf(store.Add(add, StreamOf({{"a", "1234567890"}}))), kOk);
}

TEST(StorePackages, BuilderThatSaysNothingIsGivenUp) {
  TestStore store;
  internal::AddPackage add;
  *add.mutable_package() = PackageNamed("demo");
  add.set_patience_seconds(1);
  TestStore::Adding adding = store.BeginAdd(add);
  SendAll(adding.builder.get(), StreamOf({{"a", "1"}}).substr(0, 6));
  const internal::StoreReply reply = store.Await(adding.id);
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(reply.message(), HasSubstr("sent nothing for 1s"));
}

TEST(StorePackages, SilentBuildersKeepNobodyElseWaitingForMore) {
  TestStore store;
  ASSERT_EQ(CodeOf(store.Add("there", {{"a", "1"}})), kOk);
  std::vector<TestStore::Adding> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(store.BeginAdd(absl::StrCat("silent", i)));
  EXPECT_EQ(CodeOf(store.MakeSet({"there"})), kOk);
  EXPECT_EQ(store.Verify().packages(), 1);
  for (TestStore::Adding& adding : silent) adding.builder.reset();
  for (const TestStore::Adding& adding : silent)
    EXPECT_EQ(CodeOf(store.Await(adding.id)), absl::StatusCode::kUnavailable);
}

TEST(StorePackages, ItEndsWhileBuildersAreSilent) {
  TestStore store;
  const TestStore::Adding adding = store.BeginAdd("demo");
  // Restarting waits for its end, and its patience is a minute.
  store.Restart();
  EXPECT_TRUE(IsEmptyDirectory(store.directory() / "packages"));
}

TEST(StorePackages, ManyAtOnce) {
  TestStore store;
  std::vector<TestStore::Adding> adding;
  for (int i = 0; i < 20; ++i) adding.push_back(store.BeginAdd(absl::StrCat("p", i)));
  for (int i = 0; i < 20; ++i)
    SendAll(adding[i].builder.get(), StreamOf({{absl::StrCat("d", i, "/f"), "x"}, {"g", "y"}}));
  for (const TestStore::Adding& one : adding) EXPECT_EQ(CodeOf(store.Await(one.id)), kOk);
  EXPECT_EQ(store.List().packages_size(), 20);
}

TEST(StorePackages, StayOverARestartAndAreCheckedThen) {
  TestStore store;
  ASSERT_EQ(CodeOf(store.Add("demo", {{"d/a", "1"}, {"b", std::string(5000, 'x')}})), kOk);
  const int64_t bytes = store.List().bytes();
  // Two directories; one block and two.
  EXPECT_EQ(bytes, 5 * 4096);
  store.Restart();
  EXPECT_EQ(store.List().bytes(), bytes);
  EXPECT_THAT(store.Missing({"demo"}), IsEmpty());
  EXPECT_EQ(store.Verify().packages(), 1);
}

TEST(StorePackages, WhatWasBegunIsGoneAfterARestart) {
  TestStore store;
  const std::filesystem::path left = store.directory() / "tmp" / "7" / "tree" / "d";
  store.Stop();
  std::filesystem::create_directories(left);
  store.Start();
  EXPECT_TRUE(Eventually([&] { return IsEmptyDirectory(store.directory() / "tmp"); }));
  EXPECT_EQ(CodeOf(store.Add("demo", {{"a", "1"}})), kOk);
}

TEST(StoreRequests, UnsoundOnesAreAnswered) {
  TestStore store;
  internal::StoreRequest request;
  request.mutable_use_set()->set_digest("../../etc");
  const internal::StoreReply reply = store.Call(request);
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(reply.message(), HasSubstr("is no digest"));
  EXPECT_EQ(CodeOf(store.Add("demo", {{"a", "1"}})), kOk);
}

TEST(StoreRequests, OneThatCannotBeUnderstoodEndsTheStore) {
  TestStore store;
  store.SendBytes("\xff\xff\xff");
  EXPECT_EQ(store.Ended().code(), absl::StatusCode::kInvalidArgument);
}

TEST(StoreRequests, EndOfTheSupervisorIsNoError) {
  TestStore store;
  ASSERT_EQ(CodeOf(store.Add("demo", {{"a", "1"}})), kOk);
  store.Restart();
  EXPECT_EQ(CodeOf(store.Add("other", {{"a", "1"}})), kOk);
}

TEST(StoreRequests, DirectoryIsOfOneProcess) {
  TestStore store;
  ASSERT_EQ(CodeOf(store.Add("demo", {{"a", "1"}})), kOk);
  absl::StatusOr<std::unique_ptr<StoreDirectory>> other = StoreDirectory::Open(
      UniqueFd(::open(store.directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  EXPECT_EQ(other.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace warren
