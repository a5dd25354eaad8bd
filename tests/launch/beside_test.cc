// Launchers beside each other on one host, in namespaces of their own. Needs root.

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "tests/launch/harness.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

// What `body` returns, in the first process of a new pid namespace with its own /proc.
bool InAnotherPidNamespace(const std::function<bool()>& body) {
  pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) ::_exit(2);
    pid_t inner = ::fork();
    if (inner == 0) {
      bool ready = ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   ::mount("proc", "/proc", "proc", 0, nullptr) == 0;
      ::_exit(ready && body() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(inner, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
  }
  int status = -1;
  ::waitpid(outer, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The /proc of another pid namespace does not show this launcher; its groups are there all the
// same.
TEST(PidNamespacesTest, LaunchersOfTwoShareACgroupParent) {
  std::unique_ptr<Harness> idle = Harness::Start();
  ASSERT_NE(idle, nullptr);
  const std::vector<fs::path> directories = idle->InstanceDirectories();
  ASSERT_FALSE(directories.empty());
  HarnessOptions beside;
  beside.cgroup_parent = idle->cgroup_parent();
  auto serves = [&] {
    std::unique_ptr<Harness> other = Harness::Start(beside);
    if (other == nullptr) return false;
    RunningSandbox sandbox = other->Launch("same", other->StartZygote());
    return sandbox.launched() && other->Output(sandbox, "print('there')") == "there\n" &&
           !::testing::Test::HasFailure();
  };
  EXPECT_TRUE(InAnotherPidNamespace(serves));
  for (const fs::path& directory : directories) EXPECT_TRUE(fs::exists(directory)) << directory;
  uint64_t zygote = idle->StartZygote();
  RunningSandbox sandbox = idle->Launch("same", zygote);
  ASSERT_TRUE(sandbox.launched());
  // Now with processes in its groups.
  EXPECT_TRUE(InAnotherPidNamespace(serves));
  EXPECT_EQ(idle->Output(sandbox, "print('here')"), "here\n");
  EXPECT_TRUE(idle->Launch("another", zygote).launched());
}

}  // namespace
}  // namespace warren
