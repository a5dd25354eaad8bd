#include "runtime/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

size_t OpenDescriptors() {
  return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

class IoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pair = MakeSeqpacketPair();
    ASSERT_TRUE(pair.ok()) << pair.status();
    here_ = std::move(pair->first);
    there_ = std::move(pair->second);
  }
  UniqueFd here_;
  UniqueFd there_;
};

TEST_F(IoTest, AMessageArrivesWholeWithItsDescriptors) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  int fds[] = {pipe->read_end.get(), pipe->write_end.get()};
  ASSERT_EQ(SendMessage(here_.get(), std::string("a\0b", 3), fds), absl::OkStatus());
  ASSERT_EQ(SendMessage(here_.get(), "second", {}), absl::OkStatus());
  auto first = ReceiveMessage(there_.get(), 100);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->data, std::string("a\0b", 3));
  ASSERT_EQ(first->fds.size(), 2u);
  // The same pipe by other numbers, and not for children that are executed.
  for (const UniqueFd& fd : first->fds) EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(::write(first->fds[1].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(pipe->read_end.get(), &byte, 1), 1);
  auto second = ReceiveMessage(there_.get(), 100);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->data, "second");
  EXPECT_TRUE(second->fds.empty());
}

TEST_F(IoTest, ACutMessageIsAnErrorAndLeaksNoDescriptor) {
  size_t before = OpenDescriptors();
  int fds[] = {STDIN_FILENO, STDOUT_FILENO};
  ASSERT_EQ(SendMessage(here_.get(), "too long for it", fds), absl::OkStatus());
  EXPECT_TRUE(absl::IsResourceExhausted(ReceiveMessage(there_.get(), 4).status()));
  EXPECT_EQ(OpenDescriptors(), before);
  ASSERT_EQ(SendMessage(here_.get(), "1234", {}), absl::OkStatus());
  EXPECT_EQ(ReceiveMessage(there_.get(), 4)->data, "1234") << "exactly as long as allowed";
}

TEST_F(IoTest, MoreDescriptorsThanAllowedAreRefusedOnBothSides) {
  std::vector<int> fds(kMaxFdsPerMessage + 1, STDIN_FILENO);
  EXPECT_TRUE(absl::IsInvalidArgument(SendMessage(here_.get(), "x", fds)));
  // A peer that does not use our function.
  size_t before = OpenDescriptors();
  iovec part = {const_cast<char*>("x"), 1};
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  ASSERT_EQ(::sendmsg(here_.get(), &message, 0), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(ReceiveMessage(there_.get(), 100).status()));
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(IoTest, AClosedPeerIsAnEmptyMessageThenUnavailable) {
  here_.reset();
  auto message = ReceiveMessage(there_.get(), 10);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_TRUE(message->data.empty() && message->fds.empty());
  EXPECT_TRUE(absl::IsUnavailable(SendMessage(there_.get(), "x", {}))) << "and no SIGPIPE";
}

TEST_F(IoTest, APeerThatClosedWithUnreadMessagesIsClosedToo) {
  ASSERT_EQ(SendMessage(there_.get(), "never read", {}), absl::OkStatus());
  here_.reset();
  auto message = ReceiveMessage(there_.get(), 10);
  ASSERT_TRUE(message.ok()) << "ECONNRESET is an end, not an error: " << message.status();
  EXPECT_TRUE(message->data.empty());
}

TEST_F(IoTest, ANonBlockingSocketSaysUnavailable) {
  for (int fd : {here_.get(), there_.get()}) ASSERT_EQ(::fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  EXPECT_TRUE(absl::IsUnavailable(ReceiveMessage(there_.get(), 10).status()));
  absl::Status status;
  for (int i = 0; i < 100'000 && status.ok(); ++i)
    status = SendMessage(here_.get(), std::string(1000, 'x'), {});
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(IoTest, WhatIsNoSocketIsAnErrorByName) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  EXPECT_THAT(ReceiveMessage(pipe->read_end.get(), 10).status().ToString(), HasSubstr("recvmsg"));
  EXPECT_THAT(SendMessage(pipe->write_end.get(), "x", {}).ToString(), HasSubstr("sendmsg"));
}

TEST_F(IoTest, ASignalDoesNotCutAReceive) {
  struct sigaction action = {};
  struct sigaction old = {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &old), 0);
  pthread_t reader = ::pthread_self();
  // Signals that come before the receive waits exercise less and change nothing.
  std::thread sender([&] {
    for (int i = 0; i < 20; ++i) {
      ::usleep(1000);
      ::pthread_kill(reader, SIGUSR1);
    }
    SendMessage(here_.get(), "late", {}).IgnoreError();
  });
  auto message = ReceiveMessage(there_.get(), 10);
  sender.join();
  ::sigaction(SIGUSR1, &old, nullptr);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->data, "late");
}

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-io-", ::getpid());
    fs::create_directories(directory_);
    path_ = directory_ / "file";
  }
  void TearDown() override { fs::remove_all(directory_); }
  fs::path directory_;
  fs::path path_;
};

TEST_F(FileTest, ReadFileReadsAllOrSaysThatItIsTooLong) {
  std::ofstream(path_) << std::string(40'000, 'x');
  EXPECT_EQ(ReadFile(path_)->size(), 40'000u);
  EXPECT_EQ(ReadFile(path_, 40'000)->size(), 40'000u);
  absl::Status status = ReadFile(path_, 39'999).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("file"));
}

TEST_F(FileTest, ReadFileNamesWhatFailed) {
  absl::Status status = ReadFile(path_).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_.string()));
  EXPECT_THAT(ReadFile(directory_).status().ToString(), HasSubstr("read "));
}

TEST_F(FileTest, WriteControlFileWritesWhereItIsTold) {
  std::ofstream(path_) << "old";
  UniqueFd directory(::open(directory_.c_str(), O_PATH | O_CLOEXEC));
  ASSERT_EQ(WriteControlFile(directory.get(), "file", "new"), absl::OkStatus());
  EXPECT_EQ(*ReadFile(path_), "new");
}

TEST_F(FileTest, WriteControlFileMakesNoFileAndFollowsNoLink) {
  UniqueFd directory(::open(directory_.c_str(), O_PATH | O_CLOEXEC));
  EXPECT_TRUE(absl::IsNotFound(WriteControlFile(directory.get(), "absent", "x")));
  EXPECT_FALSE(fs::exists(directory_ / "absent"));
  std::ofstream(path_) << "old";
  fs::create_symlink("file", directory_ / "link");
  EXPECT_FALSE(WriteControlFile(directory.get(), "link", "x").ok());
  EXPECT_EQ(*ReadFile(path_), "old");
}

TEST(PipeTest, IsCloseOnExec) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  for (int fd : {pipe->read_end.get(), pipe->write_end.get()})
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(UniqueFdTest, ClosesOnce) {
  int raw = ::dup(STDIN_FILENO);
  {
    UniqueFd first(raw);
    UniqueFd second(std::move(first));
    EXPECT_FALSE(first.valid());
    EXPECT_EQ(second.get(), raw);
    UniqueFd& self = second;
    second = std::move(self);
    EXPECT_EQ(second.get(), raw) << "assigned to itself";
    EXPECT_NE(::fcntl(raw, F_GETFD), -1);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
  raw = ::dup(STDIN_FILENO);
  UniqueFd released(raw);
  EXPECT_EQ(released.release(), raw);
  EXPECT_EQ(::close(raw), 0);
}

}  // namespace
}  // namespace warren
