// warren-agent: Warren's own process in a sandbox, started by the anchor when the first command is
// asked for, from a sealed memfd. Fd 3 is the launcher's socket: a set-up (agent_setup.h) comes in
// first, then commands; the supervisor's two pipes come with the set-up.

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "runtime/agent/agent.h"
#include "runtime/agent/join.h"
#include "runtime/base/io.h"

namespace warren {
namespace {

void Report(int reports, const SetupResult& result) {
  AgentReport report;
  report.kind = result.ok() ? AgentReportKind::kReady : AgentReportKind::kFailed;
  report.failed = result;
  // Where the launcher is gone, the anchor and this process end with it.
  const ssize_t ignored = ::write(reports, &report, sizeof(report));
  (void)ignored;
}

// Also keeps it from ending with a pipe that nobody reads any more.
UniqueFd WatchChildren() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  ::sigemptyset(&set);
  // A file that would become too large is an error of its write.
  ::sigaddset(&set, SIGXFSZ);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return UniqueFd();
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return UniqueFd();
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int Run() {
  absl::StatusOr<Message> message = ReceiveMessage(kControlFd, sizeof(AgentSetup));
  AgentSetup setup;
  if (!message.ok() || message->data.size() != sizeof(setup) ||
      message->fds.size() != kAgentSetupFds) {
    return 1;
  }
  std::memcpy(&setup, message->data.data(), sizeof(setup));
  if (setup.magic != kSetupMagic || setup.version != kSetupVersion) return 1;
  std::vector<int> fds;
  for (const UniqueFd& fd : message->fds) fds.push_back(fd.get());
  // Before the filter is there.
  UniqueFd children = WatchChildren();
  if (!children.valid() || !SetNonBlocking(fds[kAgentRequests]).ok() ||
      !SetNonBlocking(fds[kAgentEvents]).ok()) {
    Report(fds[kAgentReports], {SetupStage::kDescriptors, errno, -1});
    return 1;
  }
  const SetupResult result = JoinSandbox(setup, fds.data());
  SudoDoor sudo;
  if (result.ok() && (setup.flags & kAgentServesSudo) != 0) sudo = SudoDoor::Open();
  UniqueFd requests = std::move(message->fds[kAgentRequests]);
  UniqueFd events = std::move(message->fds[kAgentEvents]);
  UniqueFd reports = std::move(message->fds[kAgentReports]);
  message->fds.clear();
  // When nothing is open any more but what it keeps.
  Report(reports.get(), result);
  if (!result.ok()) return 1;
  return Agent({UniqueFd(kControlFd), std::move(reports), std::move(requests), std::move(events),
                std::move(children), std::move(sudo)})
      .Serve();
}

}  // namespace
}  // namespace warren

int main() { return warren::Run(); }
