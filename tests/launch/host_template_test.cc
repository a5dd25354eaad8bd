// The skeletons of host templates, which a launcher makes from the host. Needs root.

#include "runtime/launch/launcher/host_template.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class HostTemplateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
    store_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-skeleton-", ::getpid());
    fs::remove_all(store_);
    source_.recipe.set_name("one");
    source_.recipe.mutable_host()->add_directories("/usr");
    source_.recipe.mutable_host()->add_copies("/etc/protocols");
    source_.recipe.mutable_host()->add_copies("/etc/no-such-file");
    source_.digest = absl::StrCat("sha256:", std::string(64, 'a'));
  }
  void TearDown() override { fs::remove_all(store_); }

  fs::path store_;
  Template source_;
};

TEST_F(HostTemplateTest, HasWhatASandboxNeedsAndNothingOfTheHost) {
  // As the launcher sets it.
  mode_t mask = ::umask(022);
  auto path = MakeHostTemplate(source_, store_.string());
  ::umask(mask);
  ASSERT_TRUE(path.ok()) << path.status();
  fs::path root = *path;
  struct stat info = {};
  ASSERT_EQ(::stat((root / "home/user").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1000u);
  ASSERT_EQ(::stat((root / "tmp").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 01777u);
  ASSERT_EQ(::stat((root / "root").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  // Mount points.
  for (const char* directory : {"usr", "dev", "proc", "opt/warren", "sys"}) {
    EXPECT_TRUE(fs::is_directory(root / directory) && fs::is_empty(root / directory)) << directory;
  }
  auto passwd = ReadFile((root / "etc/passwd").string());
  ASSERT_TRUE(passwd.ok());
  EXPECT_THAT(*passwd, HasSubstr("user:x:1000:1000:"));
  EXPECT_EQ(std::count(passwd->begin(), passwd->end(), '\n'), 3);
  EXPECT_FALSE(fs::exists(root / "etc/shadow"));
  EXPECT_EQ(fs::is_symlink("/bin"), fs::is_symlink(root / "bin"));
  EXPECT_EQ(fs::exists(root / "etc/protocols"), fs::exists("/etc/protocols"));
  EXPECT_FALSE(fs::exists(root / "etc/no-such-file"));
  // User code must be able to read it all.
  for (const char* file : {"etc/passwd", "etc/hosts", "etc/nsswitch.conf"}) {
    ASSERT_EQ(::stat((root / file).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0444, 0444u) << file;
  }
}

TEST_F(HostTemplateTest, IsReusedUntilTheRecipeChanges) {
  auto first = MakeHostTemplate(source_, store_.string());
  ASSERT_TRUE(first.ok()) << first.status();
  std::ofstream(fs::path(*first) / "mark") << "x";
  EXPECT_EQ(*MakeHostTemplate(source_, store_.string()), *first);
  EXPECT_TRUE(fs::exists(fs::path(*first) / "mark")) << "not made anew";
  source_.digest = absl::StrCat("sha256:", std::string(64, 'b'));
  auto second = MakeHostTemplate(source_, store_.string());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(*second, *first);
  EXPECT_TRUE(fs::exists(*first)) << "a running supervisor may use it";
}

TEST_F(HostTemplateTest, LeavesOfAKilledRunDoNotMatter) {
  fs::create_directories(store_ / "one/unfinished/etc");
  std::ofstream(store_ / "one/unfinished/etc/passwd") << "half";
  auto path = MakeHostTemplate(source_, store_.string());
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_NE(*ReadFile(*path + "/etc/passwd"), "half");
  EXPECT_FALSE(fs::exists(store_ / "one/unfinished"));
}

TEST_F(HostTemplateTest, AMissingDirectoryOfTheHostIsNamed) {
  source_.recipe.mutable_host()->add_directories("/no/such/directory");
  absl::Status status = MakeHostTemplate(source_, store_.string()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/directory"));
  EXPECT_TRUE(fs::is_empty(store_ / "one"));
}

TEST_F(HostTemplateTest, ManySupervisorsMakeItOnce) {
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    pid_t child = ::fork();
    if (child == 0) {
      auto path = MakeHostTemplate(source_, store_.string());
      ::_exit(path.ok() && fs::exists(fs::path(*path) / "etc/passwd") ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(store_ / "one"), {}), 1);
}

}  // namespace
}  // namespace warren
