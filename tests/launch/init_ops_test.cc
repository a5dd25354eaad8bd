// warren-init's own parts: what it makes of set-up messages, right and wrong. Nothing here mounts
// anything: the messages fail before, or make directories only.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/launch/init/messages.h"
#include "runtime/launch/init/ops.h"

namespace warren::child {
namespace {

namespace fs = std::filesystem;

class SetupOpsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    mask_ = ::umask(022);
    directory_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-ops-", ::getpid());
    fs::create_directories(directory_);
    // Offset 0 is the empty text, as for every text that an op does not use.
    Add("");
  }
  void TearDown() override {
    ::umask(mask_);
    fs::remove_all(directory_);
  }

  uint16_t Add(const std::string& text) {
    uint16_t offset = static_cast<uint16_t>(setup_->string_bytes);
    std::memcpy(setup_->strings + offset, text.c_str(), text.size() + 1);
    setup_->string_bytes += static_cast<uint32_t>(text.size()) + 1;
    return offset;
  }
  SetupOp& AddOp(uint8_t kind, uint16_t target) {
    SetupOp& op = setup_->ops[setup_->op_count++];
    op = {kind, 0, 0755, target, 0, 0};
    return op;
  }
  void ExpectRefused(int error) {
    SetupResult result = RunSetupOps(*setup_, nullptr);
    EXPECT_EQ(result.stage, SetupStage::kMessage);
    EXPECT_EQ(result.error, error);
  }

  std::unique_ptr<InitSetup> setup_ = std::make_unique<InitSetup>();
  fs::path directory_;
  mode_t mask_ = 0;
};

TEST_F(SetupOpsTest, FilesAreMadeWithTheirContentAndNotOverOthers) {
  const fs::path file = directory_ / "file";
  SetupOp& op = AddOp(mount_op::kTextFile, Add(file.string()));
  op.mode = 0644;
  op.data = Add("nameserver 127.0.0.53\n");
  EXPECT_TRUE(RunSetupOps(*setup_, nullptr).ok());
  auto content = ReadFile(file.string());
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, "nameserver 127.0.0.53\n");
  struct stat info = {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u);
  SetupResult again = RunSetupOps(*setup_, nullptr);
  EXPECT_EQ(again.stage, SetupStage::kTextFile);
  EXPECT_EQ(again.error, EEXIST);
}

TEST_F(SetupOpsTest, DirectoriesAreMadeInOrderWithTheirModes) {
  AddOp(mount_op::kDirectory, Add((directory_ / "a").string())).mode = 01777;
  AddOp(mount_op::kDirectory, Add((directory_ / "a/b").string())).mode = 0500;
  SetupResult result = RunSetupOps(*setup_, nullptr);
  EXPECT_TRUE(result.ok()) << SetupStageName(result.stage);
  struct stat info = {};
  ASSERT_EQ(::stat((directory_ / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFDIR | 01777));
  ASSERT_EQ(::stat((directory_ / "a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFDIR | 0500));
  EXPECT_EQ(::umask(022), static_cast<mode_t>(022)) << "as it was";
}

TEST_F(SetupOpsTest, TheFirstFailureEndsIt) {
  AddOp(mount_op::kDirectory, Add((directory_ / "a").string()));
  AddOp(mount_op::kDirectory, Add((directory_ / "absent/b").string()));
  AddOp(mount_op::kDirectory, Add((directory_ / "c").string()));
  SetupResult result = RunSetupOps(*setup_, nullptr);
  EXPECT_EQ(result.stage, SetupStage::kDirectory);
  EXPECT_EQ(result.error, ENOENT);
  EXPECT_EQ(result.op_index, 1);
  EXPECT_FALSE(fs::exists(directory_ / "c"));
}

TEST_F(SetupOpsTest, MoreStepsThanThereIsRoomForAreRefused) {
  setup_->op_count = kMaxSetupOps + 1;
  ExpectRefused(EINVAL);
  setup_->op_count = 0xffffffff;
  ExpectRefused(EINVAL);
}

TEST_F(SetupOpsTest, MoreTextThanThereIsRoomForIsRefused) {
  setup_->string_bytes = kMaxSetupStrings + 1;
  ExpectRefused(EINVAL);
}

TEST_F(SetupOpsTest, OffsetsBeyondTheTextAreRefused) {
  uint16_t beyond = static_cast<uint16_t>(setup_->string_bytes);
  using Field = uint16_t SetupOp::*;
  for (Field field : {&SetupOp::target, &SetupOp::source, &SetupOp::data}) {
    for (uint16_t offset : {beyond, static_cast<uint16_t>(0xffff)}) {
      setup_->op_count = 0;
      AddOp(mount_op::kDirectory, 0).*field = offset;
      ExpectRefused(EINVAL);
    }
  }
  setup_->string_bytes = 0;
  setup_->op_count = 0;
  AddOp(mount_op::kDirectory, 0);
  ExpectRefused(EINVAL);
}

TEST_F(SetupOpsTest, TextWithoutAnEndIsRefused) {
  AddOp(mount_op::kDirectory, Add((directory_ / "a").string()));
  setup_->strings[setup_->string_bytes - 1] = 'x';
  ExpectRefused(EINVAL);
  EXPECT_FALSE(fs::exists(directory_ / "a"));
}

TEST_F(SetupOpsTest, UnknownKindsAreRefused) {
  for (int kind : {0, mount_op::kTextFile + 1, 127, 255}) {
    setup_->op_count = 0;
    AddOp(static_cast<uint8_t>(kind), 0);
    ExpectRefused(EINVAL);
  }
}

TEST_F(SetupOpsTest, MountsThatWereNotSentAreRefused) {
  setup_->mount_fd_count = 2;
  for (int index : {2, 127, -1, -128}) {
    setup_->op_count = 0;
    AddOp(mount_op::kAttach, 0).fd_index = static_cast<int8_t>(index);
    ExpectRefused(EBADF);
  }
}

class MessagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pair = MakeSeqpacketPair();
    ASSERT_TRUE(pair.ok());
    here_ = std::move(pair->first);
    there_ = std::move(pair->second);
  }
  static size_t OpenDescriptors() {
    return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
  }
  UniqueFd here_;
  UniqueFd there_;
};

TEST_F(MessagesTest, DataAndDescriptorsArrive) {
  int sent[] = {STDIN_FILENO, STDOUT_FILENO};
  ASSERT_TRUE(SendWithFds(here_.get(), "abc", 3, sent, 2));
  char data[8];
  int fds[4];
  size_t count = 4;
  ASSERT_EQ(ReceiveWithFds(there_.get(), data, sizeof(data), fds, &count), 3);
  EXPECT_EQ(std::string(data, 3), "abc");
  ASSERT_EQ(count, 2u);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_NE(::fcntl(fds[i], F_GETFD) & FD_CLOEXEC, 0);
    ::close(fds[i]);
  }
}

TEST_F(MessagesTest, WhatDoesNotFitIsAnErrorWithoutALeak) {
  int sent[] = {0, 1, 2};
  char data[8];
  int fds[4] = {-1, -1, -1, -1};
  size_t before = OpenDescriptors();
  // More descriptors than asked for: the rest is closed, the caller owns what it got.
  ASSERT_TRUE(SendWithFds(here_.get(), "abc", 3, sent, 3));
  size_t count = 2;
  EXPECT_EQ(ReceiveWithFds(there_.get(), data, sizeof(data), fds, &count), -1);
  EXPECT_EQ(count, 2u);
  for (size_t i = 0; i < count; ++i) ::close(fds[i]);
  EXPECT_EQ(OpenDescriptors(), before);
  // More data.
  ASSERT_TRUE(SendWithFds(here_.get(), "123456789", 9, nullptr, 0));
  count = 4;
  EXPECT_EQ(ReceiveWithFds(there_.get(), data, sizeof(data), fds, &count), -1);
  EXPECT_EQ(count, 0u);
}

TEST_F(MessagesTest, AClosedPeerIsNoError) {
  ASSERT_TRUE(SendWithFds(there_.get(), "unread", 6, nullptr, 0));
  here_.reset();
  char data[8];
  int fds[1];
  size_t count = 1;
  EXPECT_EQ(ReceiveWithFds(there_.get(), data, sizeof(data), fds, &count), 0);
  EXPECT_EQ(count, 0u);
  EXPECT_FALSE(SendWithFds(there_.get(), "x", 1, nullptr, 0));
}

TEST(SetupStageNameTest, IsThereForEveryStage) {
  for (int stage = 0; stage <= static_cast<int>(SetupStage::kExec); ++stage) {
    EXPECT_STRNE(SetupStageName(static_cast<SetupStage>(stage)), "unknown") << stage;
  }
  EXPECT_STREQ(SetupStageName(static_cast<SetupStage>(-1)), "unknown");
}

}  // namespace
}  // namespace warren::child
