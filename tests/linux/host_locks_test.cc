// Locks of the whole host. Needs root.

#include "runtime/linux/host_locks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <optional>

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

// The host's own, as a launcher opens it.
TEST_F(HostLocksTest, AStrangerHasNoWayToThem) {
  const std::string name = absl::StrCat("warren-test-", ::getpid());
  auto locks = HostLocks::Open(name);
  ASSERT_TRUE(locks.ok()) << locks.status();
  ASSERT_TRUE(*locks->Take(0, 1));
  pid_t stranger = ::fork();
  if (stranger == 0) {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    // Where /dev is the kernel's own it can be seen there.
    for (const char* directory : {"/dev/", "/run/"}) {
      if (::open((directory + name).c_str(), O_RDONLY | O_CLOEXEC) >= 0) ::_exit(3);
      if (::open((directory + name + "-mine").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0)
        ::_exit(4);
    }
    ::_exit(HostLocks::Open(name).ok() ? 5 : 0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(stranger, &status, 0), stranger);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

TEST_F(HostLocksTest, NothingOfThemStaysOnTheHost) {
  const std::string name = absl::StrCat("warren-test-", ::getpid());
  {
    auto locks = HostLocks::Open(name);
    ASSERT_TRUE(locks.ok() && *locks->Take(0, 1));
    auto beside = HostLocks::Open(name);
    EXPECT_TRUE(beside.ok() && !*beside->Take(0, 1));
  }
  for (const char* directory : {"/dev/", "/run/"}) EXPECT_FALSE(fs::exists(directory + name));
}

}  // namespace
}  // namespace warren
