#include "runtime/linux/process.h"

#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

// A child that waits to be killed.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      while (true) ::pause();
    }
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  }
  ~Child() { End(); }
  void End() {
    if (pid_ <= 0) return;
    KillProcess(pid_, SIGKILL);
    Reap();
  }
  // Of one that ends: its wait status. Its pid is anybody's from here on.
  int Reap() {
    int status = -1;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return status;
  }
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

TEST(PidOfTest, NamesTheProcessUntilItIsReaped) {
  Child child;
  auto pid = PidOf(child.pidfd());
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_EQ(*pid, child.pid());
  child.End();
  EXPECT_TRUE(absl::IsNotFound(PidOf(child.pidfd()).status()));
  EXPECT_FALSE(PidOf(STDIN_FILENO).ok()) << "no pidfd at all";
}

TEST(SignalProcessTest, IsFineWithTheDead) {
  Child child;
  EXPECT_EQ(SignalProcess(child.pidfd(), SIGKILL), absl::OkStatus());
  const int status = child.Reap();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(SignalProcess(child.pidfd(), SIGKILL), absl::OkStatus());
  EXPECT_FALSE(SignalProcess(-1, SIGKILL).ok());
}

TEST(ProcessNameTest, TellsProcessesApartWhateverTheyAreCalled) {
  auto before = ProcessName(::getpid());
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->rfind(absl::StrCat(::getpid(), "-"), 0), 0u) << *before;
  char name[16] = {};
  ASSERT_EQ(::prctl(PR_GET_NAME, name), 0);
  // What a parser that looks for the first parenthesis or blank would trip over.
  ASSERT_EQ(::prctl(PR_SET_NAME, ") R 1 (x) 9"), 0);
  auto after = ProcessName(::getpid());
  ::prctl(PR_SET_NAME, name);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*after, *before);
  Child child;
  EXPECT_NE(*ProcessName(child.pid()), *before);
  EXPECT_FALSE(ProcessName(4194304).ok());
}

uint64_t CapabilitySet(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0)
      return std::stoull(line.substr(name.size() + 1), nullptr, 16);
  }
  return ~0ULL;
}

// In a forked child: what it gives up is given up for good.
int KeepAndLook() {
  // Given away beforehand, it must not be asked back.
  if (!KeepLauncherCapabilities().ok()) return 1;
  uint64_t permitted = CapabilitySet("CapPrm");
  constexpr uint64_t kNeeded = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SETUID | 1ULL << CAP_MKNOD;
  constexpr uint64_t kNever = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_MODULE |
                              1ULL << CAP_SYS_BOOT | 1ULL << CAP_SYS_RAWIO | 1ULL << CAP_BPF |
                              1ULL << CAP_PERFMON;
  if ((permitted & kNeeded) != kNeeded) return 2;
  if ((permitted & kNever) != 0) return 3;
  if (CapabilitySet("CapEff") != permitted) return 4;
  if ((CapabilitySet("CapBnd") & ~permitted) != 0 && (CapabilitySet("CapBnd") & kNever) != 0)
    return 5;
  if (CapabilitySet("CapInh") != 0 || CapabilitySet("CapAmb") != 0) return 6;
  return KeepLauncherCapabilities().ok() ? 0 : 7;
}

TEST(KeepLauncherCapabilitiesTest, DropsTheRestFromEverySet) {
  ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
  pid_t child = ::fork();
  if (child == 0) ::_exit(KeepAndLook());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace warren
