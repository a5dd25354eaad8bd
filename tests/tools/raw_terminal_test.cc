#include "tools/warren/process/raw_terminal.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

class RawTerminalTest : public ::testing::Test {
 protected:
  RawTerminalTest() {
    int leader = -1;
    int follower = -1;
    winsize size = {};
    size.ws_row = 30;
    size.ws_col = 100;
    if (::openpty(&leader, &follower, nullptr, nullptr, &size) != 0) std::abort();
    leader_ = UniqueFd(leader);
    follower_ = UniqueFd(follower);
  }

  bool IsRaw() const {
    termios mode{};
    EXPECT_EQ(::tcgetattr(leader_.get(), &mode), 0);
    return (mode.c_lflag & (ICANON | ECHO | ISIG)) == 0;
  }

  UniqueFd leader_;
  UniqueFd follower_;
};

TEST_F(RawTerminalTest, IsRestoredAtTheEnd) {
  EXPECT_FALSE(IsRaw());
  {
    auto raw = RawTerminal::Enter(follower_.get());
    ASSERT_TRUE(raw.ok()) << raw.status();
    EXPECT_TRUE(IsRaw());
    (*raw)->Suspend();
    EXPECT_FALSE(IsRaw());
    (*raw)->Resume();
    EXPECT_TRUE(IsRaw());
  }
  EXPECT_FALSE(IsRaw());
}

TEST_F(RawTerminalTest, IsRestoredByAFault) {
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto raw = RawTerminal::Enter(follower_.get());
    if (!raw.ok() || !IsRaw()) ::_exit(1);
    std::abort();
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
  EXPECT_FALSE(IsRaw());
}

TEST_F(RawTerminalTest, WhatIsNoTerminalIsRefused) {
  UniqueFd pipe_ends[2];
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  pipe_ends[0] = UniqueFd(fds[0]);
  pipe_ends[1] = UniqueFd(fds[1]);
  EXPECT_FALSE(RawTerminal::Enter(fds[0]).ok());
  EXPECT_EQ(TerminalSize(fds[0]).columns(), 80);
}

TEST_F(RawTerminalTest, SizeIsTheTerminals) {
  EXPECT_EQ(TerminalSize(follower_.get()).rows(), 30);
  EXPECT_EQ(TerminalSize(follower_.get()).columns(), 100);
}

}  // namespace
}  // namespace warren
