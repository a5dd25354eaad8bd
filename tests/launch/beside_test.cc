// Launchers beside each other on one host, in namespaces of their own. Needs root.

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/launch/harness.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

int ExitCodeOf(pid_t child) {
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// What `body` returns, in the first process of new namespaces; a new pid namespace has its own
// /proc.
bool InNewNamespaces(int flags, const std::function<bool()>& body) {
  pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(flags | CLONE_NEWNS) != 0) ::_exit(2);
    pid_t inner = ::fork();
    if (inner == 0) {
      bool ready =
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
          ((flags & CLONE_NEWPID) == 0 || ::mount("proc", "/proc", "proc", 0, nullptr) == 0);
      ::_exit(ready && body() && !::testing::Test::HasFailure() ? 0 : 1);
    }
    ::_exit(ExitCodeOf(inner));
  }
  return ExitCodeOf(outer) == 0;
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
    return sandbox.launched() && other->Output(sandbox, "print('there')") == "there\n";
  };
  EXPECT_TRUE(InNewNamespaces(CLONE_NEWPID, serves));
  for (const fs::path& directory : directories) EXPECT_TRUE(fs::exists(directory)) << directory;
  uint64_t zygote = idle->StartZygote();
  RunningSandbox sandbox = idle->Launch("same", zygote);
  ASSERT_TRUE(sandbox.launched());
  // Now with processes in its groups.
  EXPECT_TRUE(InNewNamespaces(CLONE_NEWPID, serves));
  EXPECT_EQ(idle->Output(sandbox, "print('here')"), "here\n");
  EXPECT_TRUE(idle->Launch("another", zygote).launched());
}

std::set<std::string> UserIds(const Harness& launcher, const std::string& sandbox) {
  std::set<std::string> ids;
  for (pid_t pid : launcher.PidsOf(sandbox)) ids.insert(StatusField(pid, "Uid"));
  EXPECT_EQ(ids.size(), 2u) << "init and context";
  return ids;
}

TEST(NetworkNamespacesTest, LaunchersOfTwoShareNoUserId) {
  std::set<std::string> ids;
  auto launch = [&](const std::function<bool()>& then) {
    std::unique_ptr<Harness> launcher = Harness::Start();
    if (launcher == nullptr) return false;
    RunningSandbox sandbox = launcher->Launch("same", launcher->StartZygote());
    if (!sandbox.launched()) return false;
    ids.merge(UserIds(*launcher, "same"));
    return then();
  };
  auto disjoint = [&] {
    EXPECT_EQ(ids.size(), 4u);
    return true;
  };
  // Both in one of their own: in this host's another supervisor may be what keeps them apart.
  EXPECT_TRUE(InNewNamespaces(CLONE_NEWNET, [&] {
    return launch([&] { return InNewNamespaces(CLONE_NEWNET, [&] { return launch(disjoint); }); });
  }));
}

}  // namespace
}  // namespace warren
