// Locks of the whole host. Needs root.

#include "runtime/linux/host_locks.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class HostLocksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
    directory_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-locks-", ::getpid());
    fs::create_directory(directory_);
    fs::permissions(directory_, fs::perms::owner_all);
  }
  void TearDown() override { fs::remove_all(directory_); }

  absl::StatusOr<HostLocks> Open() const {
    UniqueFd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return HostLocks::OpenIn(std::move(directory), "numbers");
  }
  fs::path File() const { return directory_ / "numbers"; }
  void ExpectRefused() const {
    absl::Status status = Open().status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr("numbers"));
    EXPECT_TRUE(fs::exists(fs::symlink_status(File()))) << "it is not ours to remove";
  }

  fs::path directory_;
};

TEST_F(HostLocksTest, EachNumberIsTakenOnce) {
  auto one = Open();
  auto two = Open();
  ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
  EXPECT_TRUE(*one->Take(0, 4));
  EXPECT_FALSE(*two->Take(3, 2)) << "all or none";
  EXPECT_TRUE(*two->Take(4, 2));
  EXPECT_FALSE(*one->Take(5, 1));
}

TEST_F(HostLocksTest, TheLastOwnerRemovesTheFile) {
  std::optional<HostLocks> one(*Open());
  std::optional<HostLocks> two(*Open());
  ASSERT_TRUE(*one->Take(0, 1) && *two->Take(1, 1));
  one.reset();
  EXPECT_TRUE(fs::exists(File())) << "somebody has a number of it";
  two.reset();
  EXPECT_FALSE(fs::exists(File()));
}

// Who has opened the file just before its last owner removed it must not lock what nobody sees.
TEST_F(HostLocksTest, ALockOfARemovedFileIsNone) {
  std::optional<HostLocks> last(*Open());
  ASSERT_TRUE(*last->Take(0, 1));
  auto late = Open();
  ASSERT_TRUE(late.ok());
  last.reset();
  ASSERT_FALSE(fs::exists(File()));
  EXPECT_TRUE(*late->Take(0, 1));
  EXPECT_TRUE(fs::exists(File()));
  auto next = Open();
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(*next->Take(0, 1));
}

TEST_F(HostLocksTest, WhatOthersCouldHoldIsRefused) {
  ASSERT_EQ(::mknod(File().c_str(), S_IFREG | 0644, 0), 0);
  ExpectRefused();
  ASSERT_EQ(::chmod(File().c_str(), 0600), 0);
  EXPECT_TRUE(Open().ok());  // and removes it
  ASSERT_EQ(::mknod(File().c_str(), S_IFREG | 0600, 0), 0);
  ASSERT_EQ(::chown(File().c_str(), 65534, 0), 0);
  ExpectRefused();
  fs::remove(File());
  // Not followed, not waited for.
  fs::create_symlink("/dev/null", File());
  ExpectRefused();
  fs::remove(File());
  ASSERT_EQ(::mkfifo(File().c_str(), 0600), 0);
  ExpectRefused();
  fs::remove(File());
  ASSERT_EQ(::mknod(File().c_str(), S_IFREG | 0600, 0), 0);
  ASSERT_EQ(::chmod(directory_.c_str(), 0777), 0);
  ExpectRefused();
}

// The host's own, as a launcher opens them.
class OwnHostLocksTest : public HostLocksTest {
 protected:
  // What `body` returns, in a child that sees the kernel's devtmpfs at File()'s directory.
  int InSightOfThem(const std::function<int()>& body) {
    pid_t child = ::fork();
    if (child == 0) {
      bool seen = ::unshare(CLONE_NEWNS) == 0 &&
                  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                  ::mount("devtmpfs", directory_.c_str(), "devtmpfs", 0, nullptr) == 0;
      ::_exit(seen ? body() : 100);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  const std::string name_ = absl::StrCat("warren-test-", ::getpid());
};

TEST_F(OwnHostLocksTest, AStrangerHasNoWayToThem) {
  auto locks = HostLocks::Open(name_);
  ASSERT_TRUE(locks.ok()) << locks.status();
  ASSERT_TRUE(*locks->Take(0, 1));
  const std::string path = (directory_ / name_).string();
  fs::permissions(directory_, fs::perms::others_exec, fs::perm_options::add);
  EXPECT_EQ(InSightOfThem([&] {
              if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)
                return 1;
              if (::access(path.c_str(), F_OK) != 0) return 2;
              if (::open(path.c_str(), O_RDONLY | O_CLOEXEC) >= 0) return 3;
              if (::open((path + "-mine").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0)
                return 4;
              return HostLocks::Open(name_).ok() ? 5 : 0;
            }),
            0);
}

// Its ids would be others than it thinks.
TEST_F(OwnHostLocksTest, RootOfAUserNamespaceIsToldWhatIsMissing) {
  EXPECT_EQ(InSightOfThem([&] {
              if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 1;
              absl::Status status = HostLocks::Open(name_).status();
              if (!absl::IsPermissionDenied(status)) return 2;
              return absl::StrContains(status.message(), "only root of the host") ? 0 : 3;
            }),
            0);
}

TEST_F(OwnHostLocksTest, NothingOfThemStays) {
  auto there = [&] { return fs::exists(directory_ / name_) ? 1 : 0; };
  {
    auto locks = HostLocks::Open(name_);
    ASSERT_TRUE(locks.ok() && *locks->Take(0, 1));
    auto beside = HostLocks::Open(name_);
    EXPECT_TRUE(beside.ok() && !*beside->Take(0, 1));
    EXPECT_EQ(InSightOfThem(there), 1);
  }
  EXPECT_EQ(InSightOfThem(there), 0);
}

}  // namespace
}  // namespace warren
