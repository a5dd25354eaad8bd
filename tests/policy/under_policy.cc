#include "tests/policy/under_policy.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "runtime/base/unique_fd.h"
#include "runtime/policy/policy_blob.h"
#include "tests/policy/workloads.h"
#include "tests/support/patience.h"

namespace warren::testing {
namespace {

[[noreturn]] void RunChild(const char* directory, unsigned seconds,
                           const std::function<bool()>& body) {
  ::alarm(seconds);
  ::_exit(Step(::chdir(directory) == 0, "chdir") && body() ? 0 : 1);
}

std::string ReadBack(int fd) {
  std::string text(4096, '\0');
  ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

}  // namespace

bool ChildOutcome::Succeeded() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

int ChildOutcome::Signal() const { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

ChildOutcome RunApart(const std::function<bool()>& body) {
  std::string directory = absl::StrCat(::testing::TempDir(), "/warren-policy-XXXXXX");
  EXPECT_NE(::mkdtemp(directory.data()), nullptr);
  UniqueFd errors(::memfd_create("stderr", MFD_CLOEXEC));
  // Here: the first look at it measures, which a child under a policy may not.
  const auto seconds = static_cast<unsigned>(absl::ToInt64Seconds(Patience()));
  pid_t self = ::getpid();
  pid_t pid = ::fork();
  if (pid == 0) {
    DieWith(self);
    ::dup2(errors.get(), STDERR_FILENO);
    RunChild(directory.c_str(), seconds, body);
  }
  ChildOutcome outcome;
  EXPECT_GT(pid, 0);
  EXPECT_EQ(::waitpid(pid, &outcome.status, 0), pid);
  outcome.errors = ReadBack(errors.get());
  if (outcome.Signal() == SIGALRM) {
    outcome.errors += absl::StrCat("it did not end within ", seconds, " s\n");
  }
  std::filesystem::remove_all(directory);
  return outcome;
}

ChildOutcome RunUnderPolicy(const CompiledPolicy& policy, const std::function<bool()>& prepare,
                            const std::function<bool()>& body) {
  // Here: the smallest policies do not let a child allocate.
  std::string blob = SerializePolicy(policy);
  return RunApart([&] {
    return prepare() && Step(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs") &&
           Step(warren_policy_blob_install(blob.data(), blob.size()) == 0, "install the policy") &&
           body();
  });
}

}  // namespace warren::testing
