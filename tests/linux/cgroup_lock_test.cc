// Which instances of a cgroup tree live, and who may say so. Needs root.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/linux/cgroup.h"
#include "runtime/linux/host_facts.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class CgroupLockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
    auto facts = DetectHostFacts();
    ASSERT_TRUE(facts.ok()) << facts.status();
    facts_ = *facts;
    parent_ = absl::StrCat("warren-lock-test-", ::getpid());
    auto tree = CgroupTree::Create(facts_, parent_, "one");
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *std::move(tree);
  }
  void TearDown() override { CgroupTree::RemoveAll(facts_, parent_, "one"); }

  // One of each hierarchy.
  std::vector<fs::path> Directories() const {
    std::vector<fs::path> directories;
    for (const char* controller : {"memory", "cpu", "pids"})
      directories.push_back(fs::path(facts_.controllers().at(controller)) / parent_ / "one");
    return directories;
  }
  bool Exists() const {
    int count = 0;
    for (const fs::path& directory : Directories()) count += fs::exists(directory) ? 1 : 0;
    EXPECT_TRUE(count == 0 || count == 3) << "in some hierarchies only";
    return count > 0;
  }

  internal::HostFacts facts_;
  std::string parent_;
  std::optional<CgroupTree> tree_;
};

TEST_F(CgroupLockTest, ALivingInstanceIsNoDeadOne) {
  ASSERT_TRUE(tree_->Add("sandbox", {}).ok());
  CgroupTree::RemoveDead(facts_, parent_, "one");
  EXPECT_TRUE(Exists());
  EXPECT_TRUE(tree_->Add("another", {}).ok());
  tree_.reset();
  CgroupTree::RemoveDead(facts_, parent_, "one");
  EXPECT_FALSE(Exists());
}

TEST_F(CgroupLockTest, AnInstanceDiesWithItsProcess) {
  pid_t owner = ::fork();
  if (owner == 0) {
    auto theirs = CgroupTree::Create(facts_, parent_, "theirs");
    ::_exit(theirs.ok() && theirs->Add("sandbox", {}).ok() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(owner, &status, 0), owner);
  ASSERT_EQ(status, 0);
  EXPECT_THAT(CgroupTree::Instances(facts_, parent_),
              ::testing::UnorderedElementsAre("one", "theirs"));
  CgroupTree::RemoveDead(facts_, parent_, "theirs");
  EXPECT_THAT(CgroupTree::Instances(facts_, parent_), ::testing::ElementsAre("one"));
}

TEST_F(CgroupLockTest, TwoOfOneNameAreRefused) {
  absl::Status status = CgroupTree::Create(facts_, parent_, "one").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("/one is held by another supervisor"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--cgroup-parent"));
  EXPECT_TRUE(tree_->Add("sandbox", {}).ok()) << "the first one goes on";
}

// A lock of somebody else's would keep a start from its directory, or a dead instance for ever.
TEST_F(CgroupLockTest, NobodyElseCanHoldTheLock) {
  tree_.reset();
  pid_t stranger = ::fork();
  if (stranger == 0) {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    for (const fs::path& directory : Directories()) {
      if (::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0) ::_exit(1);
    }
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(stranger, &status, 0), stranger);
  EXPECT_EQ(status, 0);
}

// As a sweep of another launcher does it to a directory that is just being made.
TEST_F(CgroupLockTest, ASweepThatLooksIsWaitedFor) {
  tree_.reset();
  std::vector<UniqueFd> looking;
  for (const fs::path& directory : Directories()) {
    looking.emplace_back(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Controllers of one hierarchy share a directory.
    const bool locked = ::flock(looking.back().get(), LOCK_EX | LOCK_NB) == 0;
    ASSERT_TRUE(locked || errno == EWOULDBLOCK) << directory;
  }
  pid_t sweep = ::fork();
  if (sweep == 0) {
    ::usleep(100'000);
    // Removes what it holds, and lets go: with it the directories that Create waits at. Each once:
    // where controllers share one, the next would be what Create has made.
    const std::vector<fs::path> all = Directories();
    for (const fs::path& directory : std::set<fs::path>(all.begin(), all.end()))
      ::rmdir(directory.c_str());
    ::_exit(0);
  }
  // The child's copies hold the locks.
  looking.clear();
  auto again = CgroupTree::Create(facts_, parent_, "one");
  EXPECT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again.ok() && again->Add("sandbox", {}).ok());
  ::waitpid(sweep, nullptr, 0);
}

}  // namespace
}  // namespace warren
