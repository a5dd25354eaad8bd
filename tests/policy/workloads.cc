#include "tests/policy/workloads.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

namespace warren::testing {

const std::map<std::string, Workload>& AllWorkloads() {
  static const auto* const kAll = [] {
    auto* all = new std::map<std::string, Workload>(FileWorkloads());
    all->merge(ProcessWorkloads());
    all->merge(DescriptorWorkloads());
    all->merge(SetupWorkloads());
    all->merge(RelayWorkloads());
    all->merge(FetcherWorkloads());
    all->merge(StoreWorkloads());
    return all;
  }();
  return *kAll;
}

bool Step(bool worked, const char* what) {
  if (worked) return true;
  // No stdio stream: it would allocate, which the smallest policies do not allow.
  char text[160];
  int length = ::snprintf(text, sizeof(text), "%s: %s\n", what, ::strerror(errno));
  if (length > 0) (void)!::write(STDERR_FILENO, text, static_cast<size_t>(length));
  return false;
}

bool NotFiltered(long result) { return result >= 0 || (errno != ENOSYS && errno != EPERM); }

void DieWith(int parent) {
  // The parent may be gone before the signal is asked for.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(1);
}

bool SignalChild(int pid, int signal) { return Step(pid > 1 && ::kill(pid, signal) == 0, "kill"); }

void WaitUntil(int pid, ProcessState state) {
  char path[32];
  ::snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  // RunUnderPolicy ends what waits for ever.
  while (true) {
    char text[64] = {};
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = ::read(fd, text, sizeof(text) - 1);
    ::close(fd);
    // "PID (NAME) STATE ..."
    const char* name_end = size > 0 ? ::strrchr(text, ')') : nullptr;
    if (name_end == nullptr) return;
    if (name_end[1] == ' ' && name_end[2] == static_cast<char>(state)) return;
    ::usleep(1'000);
  }
}

bool ExitedWell(int pid) {
  int status = 0;
  return pid > 1 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

}  // namespace warren::testing
