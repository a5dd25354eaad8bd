// Mounts that hang nowhere, looked at through their fds. Needs root.

#include "runtime/linux/detached_mount.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kFirstId = 1'000'000;

// A process in a user namespace that maps 0 to kFirstId.
class MappedProcess {
 public:
  MappedProcess() {
    int pidfd = -1;
    clone_args args = {};
    args.flags = CLONE_NEWUSER | CLONE_PIDFD;
    args.exit_signal = SIGCHLD;
    args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    pid_ = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
    if (pid_ == 0) {
      while (true) ::pause();
    }
    pidfd_.reset(pidfd);
    for (const char* map : {"uid_map", "gid_map"}) {
      EXPECT_EQ(WriteControlFile(AT_FDCWD, absl::StrCat("/proc/", pid_, "/", map),
                                 absl::StrCat("0 ", kFirstId, " 65536")),
                absl::OkStatus());
    }
  }
  ~MappedProcess() {
    KillProcess(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pidfd() const { return pidfd_.get(); }

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

class MappedTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
    // On a file system that can be mapped, which /tmp need not be.
    const char* root = std::getenv("WARREN_TEST_MAPPABLE");
    directory_ = fs::path(root != nullptr ? root : ::testing::TempDir()) /
                 absl::StrCat("warren-mount-", ::getpid());
    fs::create_directories(directory_ / "below");
    std::ofstream(directory_ / "file") << "text";
    ASSERT_EQ(::chown((directory_ / "file").c_str(), 1000, 1000), 0);
    ASSERT_EQ(::chmod((directory_ / "file").c_str(), 04755), 0);
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path directory_;
};

struct stat StatAt(int directory, const char* name) {
  struct stat info = {};
  EXPECT_EQ(::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW), 0) << name;
  return info;
}

TEST_F(MappedTreeTest, OwnersAreShiftedAndNothingCanBeWritten) {
  MappedProcess process;
  auto user_namespace = OpenUserNamespace(process.pidfd());
  ASSERT_TRUE(user_namespace.ok()) << user_namespace.status();
  auto tree = CloneMappedTree(directory_.string(), user_namespace->get());
  ASSERT_TRUE(tree.ok()) << tree.status();
  // What was 0 and 1000 on disk belongs to the namespace's 0 and 1000.
  EXPECT_EQ(StatAt(tree->get(), "below").st_uid, kFirstId);
  EXPECT_EQ(StatAt(tree->get(), "file").st_uid, kFirstId + 1000);
  EXPECT_EQ(StatAt(tree->get(), "file").st_gid, kFirstId + 1000);
  EXPECT_EQ(::openat(tree->get(), "file", O_WRONLY | O_CLOEXEC), -1);
  EXPECT_EQ(errno, EROFS);
  EXPECT_EQ(::mkdirat(tree->get(), "new", 0755), -1);
  EXPECT_EQ(errno, EROFS);
  struct statvfs flags = {};
  ASSERT_EQ(::fstatvfs(tree->get(), &flags), 0);
  EXPECT_EQ(flags.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV),
            static_cast<unsigned long>(ST_RDONLY | ST_NOSUID | ST_NODEV));
  // The files themselves stay as they are.
  EXPECT_EQ(StatAt(AT_FDCWD, (directory_ / "file").c_str()).st_uid, 1000u);
}

TEST_F(MappedTreeTest, WhatIsForItsRootIsWrittenAsTheHosts) {
  MappedProcess process;
  auto user_namespace = OpenUserNamespace(process.pidfd());
  ASSERT_TRUE(user_namespace.ok()) << user_namespace.status();
  const UniqueFd directory(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto tree = CloneTree(directory.get(), "it", TreeUse::kReadAndWrite, user_namespace->get());
  ASSERT_TRUE(tree.ok()) << tree.status();
  struct statvfs flags = {};
  ASSERT_EQ(::fstatvfs(tree->get(), &flags), 0);
  EXPECT_EQ(flags.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC),
            static_cast<unsigned long>(ST_NOSUID | ST_NODEV | ST_NOEXEC));
  EXPECT_EQ(StatAt(tree->get(), "below").st_uid, kFirstId);
  // Whom the namespace does not have may own nothing in it: this process, for one.
  EXPECT_EQ(::mkdirat(tree->get(), "new", 0755), -1);
  EXPECT_EQ(errno, EOVERFLOW);
}

TEST_F(MappedTreeTest, WhatIsForReadingStaysItsOwners) {
  const UniqueFd directory(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto tree = CloneTree(directory.get(), "it", TreeUse::kRead);
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(StatAt(tree->get(), "file").st_uid, 1000u);
  struct statvfs flags = {};
  ASSERT_EQ(::fstatvfs(tree->get(), &flags), 0);
  const unsigned long wanted = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC;
  EXPECT_EQ(flags.f_flag & wanted, wanted);
}

TEST_F(MappedTreeTest, FailsByNameWhereItCannot) {
  MappedProcess process;
  auto user_namespace = OpenUserNamespace(process.pidfd());
  ASSERT_TRUE(user_namespace.ok()) << user_namespace.status();
  auto missing = CloneMappedTree((directory_ / "nosuch").string(), user_namespace->get());
  EXPECT_TRUE(absl::IsNotFound(missing.status())) << missing.status();
  auto unmappable = CloneMappedTree("/proc", user_namespace->get());
  EXPECT_TRUE(absl::IsFailedPrecondition(unmappable.status())) << unmappable.status();
  EXPECT_NE(unmappable.status().message().find("id-mapped mounts"), absl::string_view::npos);
}

TEST(DeviceTreeTest, HasTheSixDevicesAndNoMore) {
  ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
  mode_t before = ::umask(022);
  auto tree = MakeDeviceTree();
  ::umask(before);
  ASSERT_TRUE(tree.ok()) << tree.status();
  struct Expected {
    const char* name;
    dev_t device;
  };
  for (const Expected& expected :
       {Expected{"null", ::makedev(1, 3)}, Expected{"zero", ::makedev(1, 5)},
        Expected{"full", ::makedev(1, 7)}, Expected{"random", ::makedev(1, 8)},
        Expected{"urandom", ::makedev(1, 9)}, Expected{"tty", ::makedev(5, 0)}}) {
    struct stat info = StatAt(tree->mount.get(), expected.name);
    EXPECT_EQ(info.st_rdev, expected.device) << expected.name;
    EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFCHR | 0666)) << expected.name;
  }
  // Through /proc, for a detached mount has no path.
  std::set<std::string> names;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(absl::StrCat("/proc/self/fd/", tree->mount.get()))) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"null", "zero", "full", "random", "urandom", "tty", "fd",
                                          "stdin", "stdout", "stderr", "ptmx", "pts", "shm"}));
  UniqueFd zero(::openat(tree->mount.get(), "zero", O_RDONLY | O_CLOEXEC));
  char byte = 'x';
  EXPECT_EQ(::read(zero.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 0);
  EXPECT_EQ(::mknodat(tree->mount.get(), "sda", S_IFBLK | 0600, ::makedev(8, 0)), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST(DeviceTreeTest, ItsBellHearsEverybodyAndNothingButBytes) {
  auto tree = MakeDeviceTree("bell");
  ASSERT_TRUE(tree.ok()) << tree.status();
  ASSERT_TRUE(tree->bell.valid());
  EXPECT_EQ(StatAt(tree->mount.get(), "bell").st_mode, static_cast<mode_t>(S_IFIFO | 0622));
  char bytes[8];
  EXPECT_EQ(::read(tree->bell.get(), bytes, sizeof(bytes)), -1);
  EXPECT_EQ(errno, EAGAIN);
  // Although the tree is read-only.
  UniqueFd rope(::openat(tree->mount.get(), "bell", O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(rope.valid());
  EXPECT_EQ(::write(rope.get(), "!", 1), 1);
  rope.reset();
  EXPECT_EQ(::read(tree->bell.get(), bytes, sizeof(bytes)), 1);
  // Nobody has it open any more, and still it does not end.
  EXPECT_EQ(::read(tree->bell.get(), bytes, sizeof(bytes)), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST(DeviceTreeTest, EachIsItsOwn) {
  auto first = MakeDeviceTree();
  auto second = MakeDeviceTree();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(StatAt(first->mount.get(), "null").st_dev, StatAt(second->mount.get(), "null").st_dev);
}

}  // namespace
}  // namespace warren
